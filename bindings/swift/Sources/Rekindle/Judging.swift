import Foundation

#if canImport(FoundationNetworking)
    public import FoundationNetworking
#endif
internal import RekindleFFI

/// A request and its response, as far as a session needs them to judge. For those who keep their own HTTP client; ``Client``
/// does all of it by itself.
///
/// ```swift
/// var token = try await session.token(for: url)
/// while true {
///     var signed = request
///     if let token { signed.setValue(token.authorization, forHTTPHeaderField: token.headerName) }
///     let (data, response) = try await urlSession.data(for: signed)
///     guard let sent = token, let answer = response as? HTTPURLResponse else { return data }
///     switch try await session.judge(sent, Exchange(signed, answer, data)) {
///     case .keep: return data
///     case .replay(let new, _): token = new
///     }
/// }
/// ```
public struct Exchange: Sendable {
    let native: RekindleFFI.Exchange

    /// What was sent, and what came back.
    ///
    /// - Parameters:
    ///   - method: `GET` and so on.
    ///   - url: The URL that answered.
    ///   - sent: The request's body: whether it is a GraphQL query or mutation is read from it.
    ///   - replayable: Whether that body can be sent a second time.
    ///   - status: The response's status.
    ///   - headers: The response's headers.
    ///   - body: As much of the response's body as has been read, decoded.
    /// - Throws: ``RekindleError/Kind/invalidConfig``, naming the argument.
    public init(
        method: String, url: URL, sent: Data = Data(), replayable: Bool = true, status: Int,
        headers: [(name: String, value: String)] = [], body: Data = Data()
    ) throws {
        guard let code = UInt16(exactly: status) else {
            throw RekindleError(.invalidConfig, "status: not an HTTP status: \(status)")
        }
        native = RekindleFFI.Exchange(
            method: method, url: url.absoluteString, operation: operationOf(method: method, body: sent),
            replayable: replayable, status: code,
            headers: headers.map { Header(name: $0.name, value: $0.value) }, body: body)
    }

    /// The same of Foundation's types. A request with a stream for its body cannot be sent a second time, and neither can
    /// one that was redirected: what answered was not asked by you.
    public init(_ request: URLRequest, _ response: HTTPURLResponse, _ body: Data) throws {
        guard let url = response.url ?? request.url else { throw RekindleError(.invalidConfig, "request: has no url") }
        let fields = response.allHeaderFields.compactMap { name, value -> (name: String, value: String)? in
            guard let name = name as? String, let value = value as? String else { return nil }
            return (name, value)
        }
        try self.init(
            method: request.httpMethod ?? "GET", url: url, sent: request.httpBody ?? Data(),
            replayable: request.httpBodyStream == nil && url == request.url, status: response.statusCode,
            headers: fields, body: body)
    }
}

extension Exchange: CustomStringConvertible, CustomReflectable {
    /// Without query, headers and bodies.
    public var description: String { native.debugDescription }
    /// Nothing: `dump` would show headers and bodies.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// What follows from a response.
public enum Judgement: Sendable {
    /// It is the answer; `replayRefused` says why the request is not sent again although its token was turned away.
    case keep(Verdict, replayRefused: String?)
    /// Send the request again with this token.
    case replay(Token, Verdict)
}

extension Session {
    /// Whether the token is for that URL.
    public func owns(_ url: URL) throws -> Bool {
        try translated { try native.owns(url: url.absoluteString) }
    }

    /// The token for a request to that URL; `nil` where its origin is not listed: the request then goes without.
    ///
    /// - Throws: As ``token(minLife:)``; ``RekindleError/Kind/invalidConfig`` where the session lists no origin at all.
    public func token(for url: URL, timeout: Duration? = nil) async throws -> Token? {
        let timeout = try timeout?.positive("timeout")
        let token = try await waiting(for: owner) {
            try await native.tokenFor(url: url.absoluteString, timeout: timeout, cancel: $0)
        }
        return token.map(Token.init)
    }

    /// The proof to send with a request that carries `token`, as the header `DPoP`; `nil` where the token is not bound to
    /// a key. Each send wants a new one.
    public func proof(for token: Token, method: String, url: URL) throws -> String? {
        try translated { try native.proof(token: token.native, method: method, url: url.absoluteString) }
    }

    /// Judges the response to a request that carried `token`. Where that was turned away, waits for a new one.
    ///
    /// - Throws: Where a refresh was needed and failed: as ``token(minLife:)``. ``RekindleError/Kind/signedOut`` where
    ///   the token's sign-in has ended.
    public func judge(_ token: Token, _ exchange: Exchange, timeout: Duration? = nil) async throws -> Judgement {
        let timeout = try timeout?.positive("timeout")
        let judged = try await waiting(for: owner) {
            try await native.judge(token: token.native, exchange: exchange.native, timeout: timeout, cancel: $0)
        }
        switch judged {
        case .keep(let verdict, let refused): return .keep(Verdict(verdict), replayRefused: refused)
        case .replay(let token, let verdict):
            // Who only lacked a nonce sends the same token.
            if case .nonceRequired = verdict {} else { native.replayed() }
            return .replay(Token(token), Verdict(verdict))
        }
    }
}
