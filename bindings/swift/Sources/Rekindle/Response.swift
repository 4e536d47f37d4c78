import Foundation
internal import RekindleFFI

/// Headers in order. Names are found in any case; printing them shows names alone, for values may be tokens.
public struct Headers: Sendable, RandomAccessCollection {
    /// A name and its value.
    public typealias Element = (name: String, value: String)
    private let all: [Header]

    init(_ all: [Header]) {
        self.all = all
    }

    /// The first value of that name.
    public subscript(name: String) -> String? {
        all.first { $0.name.caseInsensitiveCompare(name) == .orderedSame }?.value
    }

    /// All values of that name.
    public func values(of name: String) -> [String] {
        all.filter { $0.name.caseInsensitiveCompare(name) == .orderedSame }.map(\.value)
    }

    /// Where it begins.
    public var startIndex: Int { all.startIndex }
    /// Where it ends.
    public var endIndex: Int { all.endIndex }
    /// One header.
    public subscript(position: Int) -> Element { (all[position].name, all[position].value) }
}

extension Headers: CustomStringConvertible, CustomReflectable {
    /// The names alone.
    public var description: String { "Headers(\(all.map(\.name).joined(separator: ", ")))" }
    /// Nothing: `dump` would show the values.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A redirect that was followed.
public struct Redirect: Sendable, Hashable, CustomStringConvertible {
    /// Its status.
    public let status: Int
    /// What had been asked.
    public let url: URL

    /// Without a query, which may hold tokens.
    public var description: String { "\(status) from \(url.place)" }
}

/// What a response says about the session's token.
public enum Verdict: Sendable, Hashable {
    /// Nothing against it.
    case accepted
    /// It is not accepted any more: `expired`, `invalid`, `revoked` or `unknown`.
    case expired(reason: String)
    /// It lacks a scope.
    case insufficientScope(scope: String?)
    /// The user must sign in again, more strongly (RFC 9470).
    case stepUp(acrValues: String?, maxAge: UInt64?, claims: String?)
    /// The proof of possession must carry this nonce.
    case nonceRequired(nonce: String?)
    /// Too many requests.
    case rateLimited(after: Duration?)
    /// Not able to answer now.
    case unavailable(after: Duration?)
    /// Turned away for good: a refresh cannot help.
    case denied
}

/// A response. Its body is here, or (``Client/stream(_:_:query:headers:body:timeout:idempotencyKey:followRedirects:)``)
/// comes as it is read.
public struct Response: Sendable {
    /// The status.
    public let status: Int
    /// Where the answer is from, after redirects.
    public let url: URL
    /// `HTTP/1.1`, ..
    public let version: String
    /// Its headers.
    public let headers: Headers
    /// The redirects that were followed.
    public let history: [Redirect]
    /// From the call to the answer's head.
    public let elapsed: Duration

    /// Of a body that was read before its response was given.
    private let whole: Data?
    let native: RekindleFFI.Response

    /// Everything has come in one crossing.
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
    /// What it says about the session's token; `nil` where the request carried none. Of a stream this may change while
    /// it is read.
    public var verdict: Verdict? {
        native.head().verdict.map(Verdict.init)
    }

    /// Why the request was not sent again although its token was turned away.
    public var replayRefused: String? {
        native.head().replayRefused
    }

    /// Whether the status is of the 200s.
    public var isSuccess: Bool {
        200..<300 ~= status
    }

    /// The body, once all of it has been read: at once, unless it comes as a stream.
    ///
    /// - Throws: ``RekindleError/Kind/misuse`` where that has not been read by ``bytes()``.
    public var data: Data {
        get throws {
            guard let data = whole ?? native.body().map({ Data($0) }) else { throw RekindleError.unread }
            return data
        }
    }

    /// The body as text; what is no UTF-8 is replaced.
    ///
    /// - Throws: As ``data``.
    public var text: String {
        get throws { String(decoding: try data, as: UTF8.self) }
    }

    /// The body as that type: `json([User].self)`, or by what is wanted of it.
    ///
    /// - Throws: ``RekindleError/Kind/invalidResponse`` with this response; its text names the place, not the content. As
    ///   ``data`` where that cannot be read.
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

    /// Itself, if the status is below 400.
    ///
    /// - Throws: ``RekindleError/Kind/httpStatus`` with this response.
    @discardableResult
    public func errorForStatus() throws -> Response {
        try translated { try native.errorForStatus() }
        return self
    }

    /// The body as it comes. It can be read once.
    ///
    /// - Throws: ``RekindleError/Kind/misuse`` where it has been read, or given up.
    public var chunks: Chunks {
        Chunks(native: native)
    }

    /// The whole body of a stream.
    ///
    /// - Throws: ``RekindleError/Kind/misuse`` where a part of it has been read by ``chunks``, or where it was given up.
    public func bytes() async throws -> Data {
        try await waiting(for: Inside.Owner()) { try await native.bytes(cancel: $0) }
    }

    /// Gives up what has not been read, and the connection with it. So does letting go of the response.
    public func discard() {
        native.discard()
    }

    /// A body, piece by piece.
    public struct Chunks: AsyncSequence, Sendable {
        /// One piece.
        public typealias Element = Data
        let native: RekindleFFI.Response

        /// Goes on where the last one stopped.
        public func makeAsyncIterator() -> AsyncIterator {
            AsyncIterator(native: native)
        }

        /// Reads one piece after the other.
        public struct AsyncIterator: AsyncIteratorProtocol {
            let native: RekindleFFI.Response
            private var hasEnded = false

            init(native: RekindleFFI.Response) {
                self.native = native
            }

            /// The next piece; `nil` at the end.
            public mutating func next() async throws -> Data? {
                // Whoever reached the end is told so again; whoever else reads after it would miss the body.
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
    /// Status and place, without query, headers and body.
    public var description: String { "Response(\(status) from \(url.place))" }
    /// The same, and what it says about the token.
    public var debugDescription: String { native.debugDescription }
    /// Nothing: `dump` would show the body.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// What is wrong, by its place: what stands there may be a secret.
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
    /// The engine's parser takes more characters than that of older Foundations; those are escaped for it.
    init(engine text: String) {
        let allowed = CharacterSet.urlQueryAllowed.union(CharacterSet(charactersIn: "#%[]"))
        let escaped = text.addingPercentEncoding(withAllowedCharacters: allowed)
        self = URL(string: text) ?? escaped.flatMap { URL(string: $0) } ?? URL(fileURLWithPath: "/")
    }

    /// Without query and fragment, which may hold tokens.
    var place: String {
        String(absoluteString.prefix { $0 != "?" && $0 != "#" })
    }
}
