import Foundation
import Rekindle
import TestSupport

/// The sentinels in a text that must hold none: what every token of the cases begins with (spec 9.3).
func leak(_ what: String, _ text: String) -> String? {
    let sentinel = ["AT-", "RT-", "SECRET-"].first { text.contains($0) }
    return sentinel.map { "\(what) shows a token (\($0)..): \(text)" }
}

/// All the ways in which Swift shows a value.
func shown(_ value: some Any) -> String {
    var dumped = ""
    dump(value, to: &dumped)
    return "\(value) \(String(reflecting: value)) \(dumped)"
}

// What operations give, as the data that cases speak of.
extension Stage {
    func result(_ token: Token?) -> JSON {
        guard let token else { return ["token": nil] }
        mustNotLeak("a token", shown(token))
        return [
            "token": .string(token.value), "authorization": .string(token.authorization),
            "header": .string(token.headerName), "generation": .number(Double(token.generation)),
            "expires_at_ms": token.expiresAt.map(millis) ?? nil,
        ]
    }

    /// The response, read to its end.
    func result(_ response: Response, streamed: Bool) async -> JSON {
        var body = Data()
        var broke: (any Error)?
        do {
            if streamed {
                for try await chunk in response.chunks { body.append(chunk) }
            } else {
                body = try response.data
            }
        } catch {
            broke = error
        }
        mustNotLeak("a response", shown(response))
        var told: [String: JSON] = [
            "status": .number(Double(response.status)), "url": .string(response.url.absoluteString),
            "redirects": .number(Double(response.history.count)),
            "headers": .object(Dictionary(response.headers.map { ($0.name, .string($0.value)) }) { $1 }),
            "text": .string(String(decoding: body, as: UTF8.self)),
        ]
        told["json"] = try? JSONDecoder().decode(JSON.self, from: body)
        told["verdict"] = response.verdict.map { self.result($0) }
        told["replay_refused"] = response.replayRefused.map(JSON.string)
        if let broke { told["error"] = await self.result(broke)["error"] }
        return .object(told)
    }

    func result(_ verdict: Verdict) -> JSON {
        switch verdict {
        case .accepted: ["name": "accepted"]
        case .expired(let reason): ["name": "expired", "reason": .string(reason)]
        case .insufficientScope(let scope): ["name": "insufficient_scope", "scope": text(scope)]
        case .stepUp(let acrValues, let maxAge, let claims):
            [
                "name": "step_up", "acr_values": text(acrValues), "max_age": maxAge.map { .number(Double($0)) } ?? nil,
                "claims": text(claims),
            ]
        case .nonceRequired: ["name": "nonce_required"]
        case .rateLimited(let after): ["name": "rate_limited", "after_ms": millis(after)]
        case .unavailable(let after): ["name": "unavailable", "after_ms": millis(after)]
        case .denied: ["name": "denied"]
        }
    }

    func result(_ error: any Error) async -> JSON {
        mustNotLeak("an error", shown(error))
        guard let error = error as? RekindleError else {
            return ["error": ["kind": .string("\(type(of: error))"), "message": .string("\(error)")]]
        }
        var told: [String: JSON] = [
            "kind": .string(error.kind.rawValue), "message": .string(inEveryLanguage(error)),
            "retryable": .bool(error.retryable),
            "graphql": .array(
                error.graphQLErrors.map {
                    ["message": .string($0.message), "code": text($0.code), "path": text($0.path)]
                }),
        ]
        told["oauth_error"] = error.oauthError.map(JSON.string)
        told["status"] = error.status.map { .number(Double($0)) }
        told["retry_after_ms"] = error.retryAfter.map { millis($0) }
        if let response = error.response { told["response"] = await self.result(response, streamed: false) }
        return ["error": .object(told)]
    }

    func result(_ status: Status) -> JSON {
        mustNotLeak("a status", shown(status))
        let standing =
            switch status.standing {
            case .unread: "unread"
            case .active: "active"
            case .loginRequired: "login_required"
            case .signedOut: "signed_out"
            }
        return [
            "standing": .string(standing), "generation": status.generation.map { .number(Double($0)) } ?? nil,
            "valid": .bool(status.valid), "refreshable": .bool(status.refreshable),
            "persisted": .bool(status.persisted), "refreshing": .bool(status.refreshing),
            "failures": .number(Double(status.failures)), "backoff_ms": millis(status.backoff),
            "leased": .bool(status.lease != nil), "scope": text(status.scope),
            "expires_at_ms": status.expiresAt.map(millis) ?? nil,
        ]
    }

    func counters(_ session: Session) -> JSON {
        .object(session.stats().mapValues { .number(Double($0)) })
    }

    func result(_ event: Event) -> JSON {
        mustNotLeak("an event", shown(event))
        var told: [String: JSON] = ["name": .string(event.name), "generation": .number(Double(event.generation))]
        switch event.kind {
        case .refreshStarted(let cause): told["cause"] = .string(cause)
        case .refreshSucceeded(let waiters, _, let persisted):
            told["waiters"] = .number(Double(waiters))
            told["persisted"] = .bool(persisted)
        case .refreshFailed(let kind, let retryAfter):
            told["kind"] = .string(kind.rawValue)
            told["retry_after_ms"] = millis(retryAfter)
        case .extraChanged(let names): told["names"] = .array(names.map { .string($0) })
        case .loginRequired(let reason): told["reason"] = .string(reason)
        case .warned(let warning): told["warning"] = .string(warning)
        default: break
        }
        return .object(told)
    }
}

/// The message with the settings' names as the cases have them: `token_url`, where Swift says `tokenURL`.
private func inEveryLanguage(_ error: RekindleError) -> String {
    let names = /\b(?:client(?:ID|Secret|Key|Auth)|(?:access|refresh)Token|(?:token|base)URL|expires(?:In|At))\b/
    return error.message.replacing(names) { name in
        String(name.output).replacing(/[A-Z]+/) { "_" + $0.output.lowercased() }
    }
}

func text(_ text: String?) -> JSON {
    text.map(JSON.string) ?? nil
}

private func millis(_ duration: Duration?) -> JSON {
    guard let parts = duration?.components else { return nil }
    return .number((Double(parts.seconds) * 1e3 + Double(parts.attoseconds) / 1e15).rounded(.down))
}

private func millis(_ date: Date) -> JSON {
    .number((date.timeIntervalSince1970 * 1e3).rounded())
}
