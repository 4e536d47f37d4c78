public import Foundation

#if canImport(FoundationNetworking)
    public import FoundationNetworking
#endif
internal import RekindleFFI

/// Sends requests of your own `URLSession` with a session's token, and sends them again with a new token after the old one
/// was rejected. List the API in the session's `origins`.
///
/// ```swift
/// let urls = try AuthenticatedURLSession(session, .shared)
/// let (data, response) = try await urls.data(for: URLRequest(url: url))
/// ```
///
/// It follows redirects itself. After one that leaves the origin, no token is sent, and of the request's own headers only
/// those that ``Call/mayTravel(_:)`` allows. A redirect to a login page is not followed. Network errors are `URLError`s;
/// errors of the session are ``RekindleError``s with the response.
public final class AuthenticatedURLSession: Sendable {
    /// The maximum number of redirects to follow.
    public static let maxRedirects = 16

    /// A response, and what it says about the token.
    public struct Answer: Sendable {
        /// The body.
        public let data: Data
        /// Status, URL and headers.
        public let response: HTTPURLResponse
        /// What the response says about the token; `nil` if the request did not carry the session's token.
        public let judged: Judged?
    }

    private let session: Session
    private let tasks: Tasks
    /// The headers that `URLSession` adds to every request.
    private let additional: [String: String]

    /// Creates a session that uses `urlSession`'s connections, proxies and certificates. Outside Apple's systems it uses a new
    /// `URLSession` with the same configuration, so `urlSession`'s delegate is not called.
    ///
    /// - Throws: ``RekindleError/Kind/invalidConfig`` if the session lists no origin.
    public init(_ session: Session, _ urlSession: URLSession = .shared) throws {
        try translated { try session.native.requireOrigins() }
        self.session = session
        tasks = Tasks(urlSession)
        let pairs = (urlSession.configuration.httpAdditionalHeaders ?? [:]).map { ("\($0.key)", "\($0.value)") }
        additional = Dictionary(pairs) { $1 }
    }

    /// As the method of `URLSession`.
    public func data(for request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        let answer = try await send(request)
        return (answer.data, answer.response)
    }

    /// As the method of `URLSession`. The file is sent again if that is needed.
    public func upload(for request: URLRequest, fromFile file: URL) async throws -> (Data, HTTPURLResponse) {
        let answer = try await send(request, fromFile: file)
        return (answer.data, answer.response)
    }

    /// As the method of `URLSession`.
    public func upload(for request: URLRequest, from body: Data) async throws -> (Data, HTTPURLResponse) {
        var request = request
        request.httpBody = body
        return try await data(for: request)
    }

    /// Sends a request, and returns the response with what it says about the token.
    ///
    /// - Parameters:
    ///   - request: Its `timeoutInterval` also limits the wait for a token.
    ///   - file: The body, if it is a file.
    public func send(_ request: URLRequest, fromFile file: URL? = nil) async throws -> Answer {
        guard let url = request.url else { throw RekindleError(.invalidConfig, "request: has no url") }
        if let stream = request.httpBodyStream, stream.streamStatus != .notOpen { throw RekindleError.sentOnce }
        var plain = Plain(request, file)
        let own = additional.merging(request.allHTTPHeaderFields ?? [:]) { $1 }
        let call = Call(
            session, request.httpMethod ?? "GET", url.absoluteString, own.map(Header.init),
            Duration(request.timeoutInterval))
        var added = try await call.headers()
        var redirects = 0
        while true {
            let (response, data) = try await tasks.data(plain.signed(with: added), file: plain.file)
            let next = try await call.answered(
                status: response.statusCode, headers: response.fields, body: data, content: plain.content)
            switch next {
            case .sendAgain(let fresh): added = fresh
            case .keep(let judged):
                // A redirect that rejects the token leads to a login page (spec 2.11).
                let isRejected = judged.map { $0.verdict != .accepted } ?? false
                guard !isRejected, let hop = plain.hop(after: response), mayFollow(hop) else {
                    return Answer(data: data, response: response, judged: judged)
                }
                redirects += 1
                guard redirects <= Self.maxRedirects else { throw RekindleError.tooManyRedirects(Self.maxRedirects) }
                plain = plain.redirected(hop)
                added = try call.redirected(hop.method, to: plain.url)
            }
        }
    }

    /// Headers that `URLSession` adds to every request cannot be removed from one.
    private func mayFollow(_ hop: Hop) -> Bool {
        !hop.leavesOrigin || additional.keys.allSatisfy(Call.mayTravel)
    }
}

/// A request without our headers, from which each send is built.
private struct Plain {
    private var request: URLRequest
    private(set) var file: URL?

    init(_ request: URLRequest, _ file: URL?) {
        (self.request, self.file) = (request, file)
    }

    var url: URL { request.url ?? URL(fileURLWithPath: "/") }

    var content: Content {
        if file != nil { return .replayable }
        return request.httpBodyStream == nil ? .data(request.httpBody ?? Data()) : .once
    }

    func signed(with added: Added) -> URLRequest {
        var signed = request
        for (name, value) in added.headers { signed.setValue(value, forHTTPHeaderField: name) }
        return signed
    }

    /// The redirect to follow, if there is one and the body can be sent with it.
    func hop(after response: HTTPURLResponse) -> Hop? {
        guard 300..<400 ~= response.statusCode else { return nil }
        let location = response.fields.first { $0.name.isSame("location") }?.value
        let hop = nextHop(
            method: request.httpMethod ?? "GET", url: url.absoluteString, status: UInt16(clamping: response.statusCode),
            location: location)
        guard let hop, hop.keepsBody, hasBody else { return hop }
        return request.httpBodyStream == nil && !hop.downgrades ? hop : nil
    }

    func redirected(_ hop: Hop) -> Plain {
        var next = self
        next.request.url = URL(engine: hop.url)
        next.request.httpMethod = hop.method
        if !hop.keepsBody {
            (next.request.httpBody, next.request.httpBodyStream, next.file) = (nil, nil, nil)
            next.drop { $0.lowercased().hasPrefix("content-") || $0.isSame("transfer-encoding") }
        }
        if hop.leavesOrigin { next.drop { !Call.mayTravel($0) } }
        return next
    }

    private var hasBody: Bool { file != nil || request.httpBodyStream != nil || request.httpBody?.isEmpty == false }

    private mutating func drop(_ isDropped: (String) -> Bool) {
        for name in (request.allHTTPHeaderFields ?? [:]).keys where isDropped(name) {
            request.setValue(nil, forHTTPHeaderField: name)
        }
    }
}
