public import Foundation

#if canImport(FoundationNetworking)
    public import FoundationNetworking
#endif
internal import RekindleFFI

/// A `URLSession` whose requests carry a session's token, and are sent again where an old one was turned away: for code that
/// keeps its own `URLSession`. List the API in the session's `origins`.
///
/// ```swift
/// let urls = try AuthenticatedURLSession(session, .shared)
/// let (data, response) = try await urls.data(for: URLRequest(url: url))
/// ```
///
/// It follows redirects itself. Where one leaves the origin no token goes along, and of the request's own headers only
/// those that ``Call/mayTravel(_:)`` names. Errors of the network are `URLError`s, as ever; those of the session are
/// ``RekindleError``s with the response.
public final class AuthenticatedURLSession: Sendable {
    /// How many redirects are followed.
    public static let maxRedirects = 16

    /// A response, and what it says about the token.
    public struct Answer: Sendable {
        /// The body.
        public let data: Data
        /// Status, URL and headers.
        public let response: HTTPURLResponse
        /// What it says about the token; nothing if the request carried none of the session's.
        public let judged: Judged?
    }

    private let session: Session
    private let tasks: Tasks
    /// Those that `URLSession` adds to every request.
    private let additional: [String: String]

    /// Makes it. Connections, proxies and certificates are those of `urlSession`; off Apple's systems those of another one
    /// with its configuration, whose delegate is not asked.
    ///
    /// - Throws: ``RekindleError/Kind/invalidConfig`` where the session lists no origin.
    public init(_ session: Session, _ urlSession: URLSession = .shared) throws {
        try translated { try session.native.requireOrigins() }
        self.session = session
        tasks = Tasks(urlSession)
        let pairs = (urlSession.configuration.httpAdditionalHeaders ?? [:]).map { ("\($0.key)", "\($0.value)") }
        additional = Dictionary(pairs) { $1 }
    }

    /// As `URLSession` has it.
    public func data(for request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        let answer = try await send(request)
        return (answer.data, answer.response)
    }

    /// As `URLSession` has it. The file is sent again where that is needed.
    public func upload(for request: URLRequest, fromFile file: URL) async throws -> (Data, HTTPURLResponse) {
        let answer = try await send(request, fromFile: file)
        return (answer.data, answer.response)
    }

    /// As `URLSession` has it.
    public func upload(for request: URLRequest, from body: Data) async throws -> (Data, HTTPURLResponse) {
        var request = request
        request.httpBody = body
        return try await data(for: request)
    }

    /// Sends it, and says what the response says about the token.
    ///
    /// - Parameters:
    ///   - request: Its `timeoutInterval` bounds the wait for a token, too.
    ///   - file: Its body, if that is a file.
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
                guard let hop = plain.hop(after: response), mayFollow(hop) else {
                    return Answer(data: data, response: response, judged: judged)
                }
                redirects += 1
                guard redirects <= Self.maxRedirects else { throw RekindleError.tooManyRedirects(Self.maxRedirects) }
                plain = plain.redirected(hop)
                added = try call.redirected(hop.method, to: plain.url)
            }
        }
    }

    /// What `URLSession` adds to every request cannot be left out of one.
    private func mayFollow(_ hop: Hop) -> Bool {
        !hop.leavesOrigin || additional.keys.allSatisfy(Call.mayTravel)
    }
}

/// A request without our headers, for each of its sends.
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

    /// The redirect to follow, if there is one and all can go along that must.
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
