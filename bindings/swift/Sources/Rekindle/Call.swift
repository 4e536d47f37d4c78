public import Foundation
internal import RekindleFFI

/// The headers to set on a request, replacing those of the same name. They are valid for one send.
public struct Added: Sendable {
    /// The token's header first. Empty if the request is sent without the token.
    public let headers: Headers
    /// Whether HTTP clients that follow redirects by themselves drop these headers at another origin. If not, don't send the
    /// request with such a client.
    public let stayAtRedirects: Bool

    static let nothing = Added(headers: Headers([]), stayAtRedirects: true)
}

/// What is known of a request's body.
public enum Content: Sendable {
    /// The whole body, empty if there is none: a GraphQL operation is read from it, and it can be sent again.
    case data(Data)
    /// The body is not known, but can be sent again.
    case replayable
    /// The body can be sent only once.
    case once
}

/// What a response to a request with the session's token says.
public struct Judged: Sendable, Hashable {
    /// What the response says about the token.
    public let verdict: Verdict
    /// Why the request was not sent again although its token was rejected.
    public let replayRefused: String?

    static let accepted = Judged(verdict: .accepted, replayRefused: nil)
}

/// What to do after a response.
public enum Next: Sendable {
    /// Send the request again, with these headers instead of the previous ones.
    case sendAgain(Added)
    /// Return this response to the caller. With what it says about the token; `nil` if the request did not carry it.
    case keep(Judged?)
}

/// The protocol for one request of your own HTTP client, until its last response: which headers to add, and what to do after
/// a response. It sends nothing itself. Make its calls one after the other.
///
/// ```swift
/// let call = session.call("GET", url)
/// var added = try await call.headers()
/// while true {
///     let (body, status, headers) = try await send("GET", url, added.headers)
///     switch try await call.answered(status: status, headers: headers, body: body) {
///     case .sendAgain(let new): added = new
///     case .keep: return body
///     }
/// }
/// ```
public final class Call: @unchecked Sendable {
    private let session: Session
    private let own: [Header]
    private let timeout: Duration?
    private let lock = NSLock()
    private var state: State

    private struct State {
        var method: String
        var url: String
        /// A valid token of the fast path, which needs no native call object.
        var ready: ReadyToken?
        var isWatched = false
        var target: KnownTarget?
        var native: RekindleFFI.Call?
        var isUnsigned = false
        var hasLeft = false
    }

    init(_ session: Session, _ method: String, _ url: String, _ own: [Header], _ timeout: Duration?) {
        (self.session, self.own, self.timeout) = (session, own, timeout)
        state = State(method: method, url: url)
    }

    /// Whether the request is sent without the session's token.
    public var isUnsigned: Bool { lock.withLock { state.isUnsigned } }

    /// Whether a redirect has left the origin. From then on, send none of the session's headers, and only those of the
    /// request's own headers that ``mayTravel(_:)`` allows.
    public var hasLeft: Bool { lock.withLock { state.hasLeft } }

    /// Returns the headers to add before the first send. Waits if the token must be refreshed first.
    ///
    /// - Throws: As ``Session/token(minLife:)``; ``RekindleError/Kind/invalidConfig`` if the session lists no origin.
    public func headers() async throws -> Added {
        if let added = try headersAtOnce() { return added }
        let call = try native()
        return signed(
            with: try await session.asking(within: timeout) { try await call.headers(cancel: $0) })
    }

    /// As ``headers()``, but returns `nil` instead of waiting.
    public func headersAtOnce() throws -> Added? {
        if session.targets.isCredential(in: own) { return unsigned() }
        let url = lock.withLock { state.url }
        guard let target = try session.targets.of(url) else { return unsigned() }
        // A native call knows only the tokens that it returned itself, so the fast path is not used after it.
        let tag = lock.withLock { state.native == nil } ? target.native.tokenTag() : 0
        let ready = tag == 0 ? nil : target.ready(tag)
        lock.withLock {
            (state.target, state.ready) = (target, ready)
            state.isWatched = ready != nil && KnownTarget.watches(tag)
        }
        if let ready { return ready.added }
        return try translated { try native().headersAtOnce() }.map { signed(with: $0) }
    }

    /// Returns what to do after a response. If the session's token was rejected, waits for a new one.
    ///
    /// - Parameters:
    ///   - status: Its status.
    ///   - headers: Its headers.
    ///   - body: The part of its body that has been read, decoded.
    ///   - content: What is known of the request's body.
    /// - Throws: If a refresh was needed and failed: as ``Session/token(minLife:)``. The error has this response.
    public func answered(
        status: Int, headers: @autoclosure () -> [(name: String, value: String)] = [], body: Data = Data(),
        content: @autoclosure () -> Content = .data(Data())
    ) async throws -> Next {
        let (isUnsigned, isPlain) = lock.withLock {
            let isPlain = state.native == nil && !state.isWatched && state.target?.judgesSuccess == false
            return (state.isUnsigned, isPlain)
        }
        if isUnsigned { return .keep(nil) }
        if isPlain, status < 400 { return .keep(.accepted) }
        let fields = headers().map { Header(name: $0.name, value: $0.value) }
        guard let rejected = try judged(UInt16(clamping: status), fields, body) else { return .keep(.accepted) }
        let content = content().native
        let next = try await session.asking(within: timeout) {
            try await rejected.answered(content: content, operation: nil, cancel: $0)
        }
        switch next {
        case .sendAgain(let added): return .sendAgain(signed(with: added))
        case .keep(let judged): return .keep(judged.map { Judged($0) })
        }
    }

    /// The HTTP client was redirected, and continues there. Returns the headers to add; none if the redirect has left the
    /// origin.
    public func redirected(_ method: String, to url: URL) throws -> Added {
        let call = try native()
        lock.withLock { (state.method, state.url) = (method, url.absoluteString) }
        let added = signed(with: try translated { try call.redirected(method: method, url: url.absoluteString) })
        let hasLeft = try translated { try call.unsigned() } == "left_origin"
        lock.withLock { state.hasLeft = hasLeft }
        return added
    }

    /// The HTTP client followed redirects by itself, and the response is from this URL. If that is another origin, the
    /// response says nothing about the token. A request that may have had an effect is not sent again.
    public func answered(from url: URL) throws {
        let (before, isUnsigned) = lock.withLock { (state.url, state.isUnsigned) }
        if isUnsigned || url.absoluteString == before { return }
        let call = try native()
        let hasLeft = try translated {
            try call.answeredFrom(url: url.absoluteString)
            return try call.unsigned() == "left_origin"
        }
        lock.withLock {
            state.hasLeft = hasLeft
            state.isUnsigned = hasLeft
        }
    }

    /// Whether a request's header of this name may be sent to another origin after a redirect: it is known to carry no
    /// credential.
    public static func mayTravel(_ header: String) -> Bool {
        RekindleFFI.mayTravel(name: header)
    }

    /// The native call that rejects the response; `nil` if the token was accepted.
    private func judged(_ status: UInt16, _ headers: [Header], _ body: Data) throws -> RekindleFFI.Call? {
        let now = lock.withLock { state }
        let rejected: RekindleFFI.Call? = try translated {
            if now.native == nil, let ready = now.ready, let target = now.target {
                let reads = try target.native.reads(status: status, headers: headers)
                return try target.native.answered(
                    token: ready.token, method: now.method, url: now.url, headers: own, status: status,
                    responseHeaders: headers, body: body.asked(by: reads))
            }
            let call = try native()
            let reads = try call.reads(status: status, headers: headers)
            let isAccepted = try call.accepts(status: status, headers: headers, body: body.asked(by: reads))
            return isAccepted ? nil : call
        }
        lock.withLock {
            if let rejected { state.native = rejected } else { state.isWatched = false }
        }
        return rejected
    }

    private func native() throws -> RekindleFFI.Call {
        let now = lock.withLock { state }
        if let native = now.native { return native }
        let made: RekindleFFI.Call = try translated {
            if let ready = now.ready, let target = now.target {
                return try target.native.call(token: ready.token, method: now.method, url: now.url, headers: own)
            }
            return try session.native.call(
                method: now.method, url: now.url, headers: own, timeout: try timeout?.positive("timeout"))
        }
        lock.withLock { state.native = made }
        return made
    }

    private func unsigned() -> Added {
        lock.withLock { state.isUnsigned = true }
        return .nothing
    }

    private func signed(with added: RekindleFFI.Added) -> Added {
        lock.withLock { state.isUnsigned = added.headers.isEmpty }
        return Added(added)
    }
}

extension Session {
    /// Starts the protocol for one request of your own HTTP client. The token is sent only to the session's `origins`.
    ///
    /// - Parameters:
    ///   - method: `GET` and so on.
    ///   - url: The absolute URL.
    ///   - headers: The request's own headers. A request that already has a credential is not signed.
    ///   - timeout: The limit for each wait for a token.
    public func call(
        _ method: String, _ url: URL, headers: [(name: String, value: String)] = [], timeout: Duration? = nil
    ) -> Call {
        Call(self, method, url.absoluteString, headers.map { Header(name: $0.name, value: $0.value) }, timeout)
    }

    /// Whether the token may be sent to this URL.
    public func owns(_ url: URL) throws -> Bool {
        try translated { try native.owns(url: url.absoluteString) }
    }
}

extension Added: CustomStringConvertible, CustomReflectable {
    /// Only the names.
    public var description: String { "Added(\(headers.map(\.name)))" }
    /// Empty, so that `dump` does not show the token.
    public var customMirror: Mirror { Mirror(self, children: [:]) }

    init(_ added: RekindleFFI.Added) {
        self.init(headers: Headers(added.headers), stayAtRedirects: added.stayAtRedirects)
    }
}

extension Judged {
    init(_ judged: RekindleFFI.Judged) {
        self.init(verdict: Verdict(judged.verdict), replayRefused: judged.replayRefused)
    }
}

extension Content: CustomStringConvertible, CustomReflectable {
    /// Omits the body.
    public var description: String {
        switch self {
        case .data(let data): "Content.data(\(data.count) bytes)"
        case .replayable: "Content.replayable"
        case .once: "Content.once"
        }
    }
    /// Empty, so that `dump` does not show the body.
    public var customMirror: Mirror { Mirror(self, children: [:]) }

    fileprivate var native: RekindleFFI.Content {
        switch self {
        case .data(let data): .bytes(bytes: data)
        case .replayable: .replayable
        case .once: .once
        }
    }
}

extension String {
    /// Compares header names, ignoring case.
    func isSame(_ other: String) -> Bool {
        caseInsensitiveCompare(other) == .orderedSame
    }
}

extension Data {
    /// Enough to see whether a body begins like JSON.
    private static let firstBytes = 64

    fileprivate func asked(by reads: Reads) -> Data {
        switch reads {
        case .nothing: return Data()
        case .upTo(let limit): return Data(prefix(Int(clamping: limit)))
        case .ifJson(let limit):
            let first = Data(prefix(Self.firstBytes))
            return goesOn(first: first) ? Data(prefix(Int(clamping: limit))) : first
        }
    }
}
