import Foundation
import Rekindle
import TestSupport

/// How often something is looked at that cannot be waited for.
private let lookAgain = Duration.milliseconds(1)

// Carries out one operation. What it gives; an error is a mistake of the case.
extension Stage {
    func act(_ operation: JSON) async throws -> JSON {
        let name = operation["session"]?.string ?? "main"
        switch operation["op"]?.string {
        case "new_session":
            let with = operation["with"]?.object ?? [:]
            return try await giving { try await self.make(operation["name"]?.string ?? "", with) }
        case "advance": clock.advance(by: milliseconds(operation["ms"]) ?? .zero)
        case "jump_wall":
            clock.jumpWall(to: clock.wall.addingTimeInterval((operation["by_ms"]?.number ?? 0) / 1000))
        case "advance_to_timer":
            let within = milliseconds(operation["within_ms"]) ?? .zero
            while !clock.advanceToTimer(within: within) { try await Task.sleep(for: lookAgain) }
        case "wait_for":
            let kept = try kept(name)
            while !(try await hasCome(kept, operation)) { try await Task.sleep(for: lookAgain) }
        case "crash": try kept(operation["of"]?.string ?? "").life.end()
        case "release", "play", "expire_all", "revoke_all", "lose_answers", "store": try await turn(operation)
        default: return try await ask(kept(name), operation)
        }
        return [:]
    }

    /// What is asked of a session.
    private func ask(_ kept: Kept, _ operation: JSON) async throws -> JSON {
        let session = kept.session
        switch operation["op"]?.string {
        case "request":
            if let adapter = kept.adapter { return try await request(adapter, operation) }
            return try await request(kept.client, operation)
        case "graphql":
            let variables = operation["variables"]
            return try await giving {
                let data = try await kept.client.graphQL(
                    operation["query"]?.string ?? "", variables: variables, as: JSON.self)
                return ["data": data]
            }
        case "token":
            if operation["if_valid"] == true { return result(session.tokenIfValid()) }
            return try await giving {
                self.result(try await session.token(minLife: milliseconds(operation["min_life_ms"])))
            }
        case "refresh":
            let force = operation["force"] == true
            return try await giving {
                self.result(force ? try await session.forceRefresh() : try await session.refresh())
            }
        case "invalidate": session.invalidate()
        case "sign_in":
            let given = if let written = operation["credential"] { credential(written) } else { try await usual() }
            return try await giving { try await session.signIn(given) }
        case "sign_out": return try await giving { try await session.signOut() }
        case "status":
            if operation["fresh"] != true { return result(session.status()) }
            return try await giving { self.result(try await session.freshStatus()) }
        case "shutdown":
            let settled = try await session.shutdown(timeout: milliseconds(operation["ms"]) ?? .zero)
            return ["settled": .bool(settled)]
        case let other: throw Mistake("there is no operation \(other ?? "without a name")")
        }
        return [:]
    }

    private func request(_ client: Client, _ operation: JSON) async throws -> JSON {
        let streamed = operation["streamed"] == true
        let send = streamed ? client.stream : client.request
        return try await giving {
            let response = try await send(
                operation["method"]?.string ?? "GET", operation["url"]?.string ?? "", [:],
                operation["headers"]?.texts ?? [:], try self.body(operation),
                milliseconds(operation["timeout_ms"]), operation["idempotency_key"]?.string,
                operation["follow_redirects"]?.bool ?? true)
            return await self.result(response, streamed: streamed)
        }
    }

    private func body(_ operation: JSON) throws -> Body? {
        if let json = operation["json"] { return try .json(json) }
        if let text = operation["text"]?.string { return .data(Data(text.utf8)) }
        if let text = operation["stream"]?.string { return .once(once(Data(text.utf8))) }
        if let form = operation["form"]?.object {
            let pairs = form.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.string ?? "")" }
            return .text(pairs.joined(separator: "&"), contentType: "application/x-www-form-urlencoded")
        }
        return nil
    }

    func giving(_ call: () async throws -> JSON) async throws -> JSON {
        do {
            return try await call()
        } catch let mistake as Mistake {
            throw mistake
        } catch {
            return await result(error)
        }
    }

    private func giving(_ call: () async throws -> Void) async throws -> JSON {
        try await giving {
            try await call()
            return [:]
        }
    }
}

// What is turned behind the session's back, and what is waited for.
extension Stage {
    private func turn(_ operation: JSON) async throws {
        switch operation["op"]?.string {
        case "release": try await server.release(operation["name"]?.string ?? "")
        case "play": try await server.script(operation["steps"]?.array ?? [])
        case "expire_all": try await server.expireAll()
        case "revoke_all": try await server.revokeAll()
        case "lose_answers": try await server.knobs(["lose_answers": operation["answers"] ?? 0])
        default:
            shared.set(load: operation["load"]?.string, save: operation["save"]?.string)
            guard let how = operation["damage"]?.string else { return }
            if shared.text == nil { try damageFile(file, how) } else { shared.damage(how) }
        }
    }

    private func hasCome(_ kept: Kept, _ what: JSON) async throws -> Bool {
        if let least = what["requests"]?.int {
            let path = what["path"]
            let count = try await server.log().filter { path == nil || $0["path"] == path }.count
            if count < least { return false }
        }
        if let event = what["event"] {
            let pattern = eventPattern(event)
            if !heard(kept).contains(where: { fits(pattern, $0) }) { return false }
        }
        if let pattern = what["counters"], !fits(pattern, counters(kept.session)) { return false }
        if let pattern = what["status"], !fits(pattern, result(kept.session.status())) { return false }
        if let pattern = what["stored"], !fits(pattern, stored()) { return false }
        if let within = milliseconds(what["timer_within_ms"]) {
            guard let left = clock.untilNext, left <= within else { return false }
        }
        if let beyond = milliseconds(what["timer_beyond_ms"]), let left = clock.untilNext, left <= beyond {
            return false
        }
        return true
    }

    /// What is in the store that sessions share.
    func stored() -> JSON {
        let text = shared.text ?? (try? String(contentsOf: file, encoding: .utf8))
        var told: [String: JSON] = ["present": .bool(text != nil)]
        told["text"] = text.map(JSON.string)
        let about = try? FileManager.default.attributesOfItem(atPath: file.path)
        if let mode = about?[.posixPermissions] as? NSNumber {
            told["mode"] = .string("0" + String(mode.intValue & 0o7777, radix: 8))
        }
        return .object(told)
    }
}

/// What can be read once.
private func once(_ data: Data) -> AsyncStream<Data> {
    AsyncStream { continuation in
        continuation.yield(data)
        continuation.finish()
    }
}
