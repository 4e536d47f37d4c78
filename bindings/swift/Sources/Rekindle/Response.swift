import Foundation
internal import RekindleFFI

/// Headers in order, with case-insensitive names. Printing them shows only the names, because values may be tokens.
public struct Headers: Sendable, RandomAccessCollection {
    /// A name and its value.
    public typealias Element = (name: String, value: String)
    private let all: [Header]

    init(_ all: [Header]) {
        self.all = all
    }

    /// The first value of the header of this name.
    public subscript(name: String) -> String? {
        all.first { $0.name.caseInsensitiveCompare(name) == .orderedSame }?.value
    }

    /// All values of the headers of this name.
    public func values(of name: String) -> [String] {
        all.filter { $0.name.caseInsensitiveCompare(name) == .orderedSame }.map(\.value)
    }

    /// The index of the first header.
    public var startIndex: Int { all.startIndex }
    /// The index after the last header.
    public var endIndex: Int { all.endIndex }
    /// One header.
    public subscript(position: Int) -> Element { (all[position].name, all[position].value) }
}

extension Headers: CustomStringConvertible, CustomReflectable {
    /// Only the names.
    public var description: String { "Headers(\(all.map(\.name).joined(separator: ", ")))" }
    /// Empty, so that `dump` shows no values.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A redirect that was followed.
public struct Redirect: Sendable, Hashable, CustomStringConvertible {
    /// Its status.
    public let status: Int
    /// The URL that was requested.
    public let url: URL

    /// Omits the query, which may contain tokens.
    public var description: String { "\(status) from \(url.place)" }
}

/// What a response says about the session's token.
public enum Verdict: Sendable, Hashable {
    /// The token was accepted.
    case accepted
    /// The token is no longer accepted: `expired`, `invalid`, `revoked` or `unknown`.
    case expired(reason: String)
    /// The token lacks a scope.
    case insufficientScope(scope: String?)
    /// The user must authenticate again, more strongly (RFC 9470).
    case stepUp(acrValues: String?, maxAge: UInt64?, claims: String?)
    /// The DPoP proof must contain this nonce.
    case nonceRequired(nonce: String?)
    /// Too many requests.
    case rateLimited(after: Duration?)
    /// The server is temporarily unavailable.
    case unavailable(after: Duration?)
    /// The request was denied; a new token would not help.
    case denied
}

/// A response. Its body has been read, or is streamed
/// (``Client/stream(_:_:query:headers:body:timeout:idempotencyKey:followRedirects:)``).
public struct Response: Sendable {
    /// The HTTP status code.
    public let status: Int
    /// The URL of this response, after redirects.
    public let url: URL
    /// The HTTP version, such as `HTTP/1.1`.
    public let version: String
    /// The headers.
    public let headers: Headers
    /// The redirects that were followed.
    public let history: [Redirect]
    /// The time from the call to the response's head.
    public let elapsed: Duration

    /// The body, if it was read before the response was returned.
    private let whole: Data?
    let native: RekindleFFI.Response

    /// From the result of one native call.
    init(_ answer: RekindleFFI.Answer) {
        self.init(answer.response, answer.head, answer.body)
    }

    init(_ native: RekindleFFI.Response) {
        self.init(native, native.head(), native.body())
    }

    private init(_ native: RekindleFFI.Response, _ head: ResponseHead, _ body: Data?) {
        status = Int(head.status)
        url = URL(engine: head.url)
        version = head.version
        headers = Headers(head.headers)
        history = head.history.map { Redirect(status: Int($0.status), url: URL(engine: $0.url)) }
        elapsed = Duration(head.elapsed)
        whole = body
        self.native = native
    }
}

extension Response {
    /// What the response says about the session's token; `nil` if the request carried none. While a stream is read, this may
    /// change.
    public var verdict: Verdict? {
        native.head().verdict.map(Verdict.init)
    }

    /// Why the request was not sent again although its token was rejected; `nil` otherwise.
    public var replayRefused: String? {
        native.head().replayRefused
    }

    /// Whether the status is from 200 to 299.
    public var isSuccess: Bool {
        200..<300 ~= status
    }

    /// The body, if all of it has been read: immediately, unless it is streamed.
    ///
    /// - Throws: ``RekindleError/Kind/misuse`` if a stream has not been read by ``bytes()``.
    public var data: Data {
        get throws {
            guard let data = whole ?? native.body().map({ Data($0) }) else { throw RekindleError.unread }
            return data
        }
    }

    /// The body as UTF-8 text. Malformed input is replaced.
    ///
    /// - Throws: As ``data``.
    public var text: String {
        get throws { String(decoding: try data, as: UTF8.self) }
    }

    /// Decodes the body as this type: `json([User].self)`, or by the type of the result.
    ///
    /// - Throws: ``RekindleError/Kind/invalidResponse`` with this response; the message names the place, not the content. Also
    ///   what ``data`` throws.
    public func json<Value: Decodable>(
        _ type: Value.Type = Value.self, decoder: JSONDecoder = JSONDecoder()
    ) throws -> Value {
        let data = try data
        do {
            return try decoder.decode(type, from: data)
        } catch {
            throw RekindleError.of(native.invalid(what: told(error, of: type)))
        }
    }

    /// Returns this response if its status is below 400.
    ///
    /// - Throws: ``RekindleError/Kind/httpStatus`` with this response.
    @discardableResult
    public func errorForStatus() throws -> Response {
        try translated { try native.errorForStatus() }
        return self
    }

    /// The body in chunks, as they arrive. It can be read once.
    ///
    /// - Throws: ``RekindleError/Kind/misuse`` if it has been read or discarded.
    public var chunks: Chunks {
        Chunks(native: native)
    }

    /// The whole body of a stream.
    ///
    /// - Throws: ``RekindleError/Kind/misuse`` if a part of it has been read by ``chunks``, or if it was discarded.
    public func bytes() async throws -> Data {
        try await waiting(for: Inside.Owner()) { try await native.bytes(cancel: $0) }
    }

    /// Discards what has not been read, and closes its connection. So does releasing the response.
    public func discard() {
        native.discard()
    }

    /// A body, chunk by chunk.
    public struct Chunks: AsyncSequence, Sendable {
        /// One chunk.
        public typealias Element = Data
        let native: RekindleFFI.Response

        /// Continues where the previous iterator stopped.
        public func makeAsyncIterator() -> AsyncIterator {
            AsyncIterator(native: native)
        }

        /// Reads one chunk after the other.
        public struct AsyncIterator: AsyncIteratorProtocol {
            let native: RekindleFFI.Response
            private var hasEnded = false

            init(native: RekindleFFI.Response) {
                self.native = native
            }

            /// The next chunk; `nil` at the end.
            public mutating func next() async throws -> Data? {
                // This iterator reached the end, and reports it again. Another one would miss the body.
                if hasEnded { return nil }
                let native = native
                let piece = try await waiting(for: Inside.Owner()) { try await native.chunk(cancel: $0) }
                hasEnded = piece == nil
                return piece
            }
        }
    }
}

extension Response: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The status and the URL, without query, headers and body.
    public var description: String { "Response(\(status) from \(url.place))" }
    /// The same, with what the response says about the token.
    public var debugDescription: String { native.debugDescription }
    /// Empty, so that `dump` does not show the body.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Describes a decoding error by its place, because the value there may be a secret.
private func told(_ error: any Error, of type: Any.Type) -> String {
    guard let error = error as? DecodingError else { return "the body is not the \(type) that was asked for" }
    let (what, context, last): (String, DecodingError.Context?, (any CodingKey)?) =
        switch error {
        case .dataCorrupted(let context) where context.codingPath.isEmpty: ("no JSON", context, nil)
        case .dataCorrupted(let context): ("no such value", context, nil)
        case .keyNotFound(let key, let context): ("nothing", context, key)
        case .typeMismatch(_, let context): ("another type", context, nil)
        case .valueNotFound(_, let context): ("null", context, nil)
        @unknown default: ("something else", nil, nil)
        }
    let path = (context?.codingPath ?? []) + (last.map { [$0] } ?? [])
    let place = path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    return "the body is not the \(type) that was asked for: \(what) at \(place.isEmpty ? "its root" : place)"
}

extension Verdict {
    init(_ verdict: RekindleFFI.Verdict) {
        switch verdict {
        case .accepted: self = .accepted
        case .expired(let reason, _): self = .expired(reason: reason.name)
        case .insufficientScope(let scope): self = .insufficientScope(scope: scope)
        case .stepUp(let acrValues, let maxAge, let claims):
            self = .stepUp(acrValues: acrValues, maxAge: maxAge, claims: claims)
        case .nonceRequired(let nonce): self = .nonceRequired(nonce: nonce)
        case .rateLimited(let after): self = .rateLimited(after: after.map { Duration($0) })
        case .unavailable(let after): self = .unavailable(after: after.map { Duration($0) })
        case .denied: self = .denied
        }
    }
}

extension ExpiredReason {
    fileprivate var name: String {
        switch self {
        case .expired: "expired"
        case .invalid: "invalid"
        case .revoked: "revoked"
        case .unknown: "unknown"
        }
    }
}

extension URL {
    /// The engine's parser accepts more characters than that of older Foundations, so they are escaped.
    init(engine text: String) {
        let allowed = CharacterSet.urlQueryAllowed.union(CharacterSet(charactersIn: "#%[]"))
        let escaped = text.addingPercentEncoding(withAllowedCharacters: allowed)
        self = URL(string: text) ?? escaped.flatMap { URL(string: $0) } ?? URL(fileURLWithPath: "/")
    }

    /// Omits query and fragment, which may contain tokens.
    var place: String {
        String(absoluteString.prefix { $0 != "?" && $0 != "#" })
    }
}
