import Foundation
#if canImport(FoundationNetworking)
    public import FoundationNetworking
#endif
internal import RekindleFFI

extension Client {
    /// Sends a `URLRequest` and returns `(Data, HTTPURLResponse)`, like `URLSession`, for code that is written for it.
    ///
    /// The request's cache policy and cookie settings are ignored. Its `timeoutInterval` limits the whole request, including
    /// refreshes and replays; the default of 60 seconds means the client's timeout.
    ///
    /// ```swift
    /// let (data, response) = try await client.data(for: URLRequest(url: url))
    /// ```
    public func data(for request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        let response = try await send(try Request(request))
        // Values of the same name are joined, as `URLSession` does.
        let fields = Dictionary(response.headers.map { ($0.name, $0.value) }) { "\($0), \($1)" }
        let answer = HTTPURLResponse(
            url: response.url, statusCode: response.status, httpVersion: response.version, headerFields: fields)
        guard let answer else { throw RekindleError(.invalidResponse, "the response has no URL") }
        return (try response.data, answer)
    }
}

extension Request {
    init(_ request: URLRequest) throws {
        guard let url = request.url else { throw RekindleError(.invalidConfig, "request: has no url") }
        let timeout: Duration? = request.timeoutInterval == 60 ? nil : Duration(request.timeoutInterval)
        // A stream that is already open, for example by an earlier send, would return only the rest.
        if let stream = request.httpBodyStream, stream.streamStatus != .notOpen { throw RekindleError.sentOnce }
        let body = request.httpBody.map { Body.data($0) } ?? request.httpBodyStream.map { Body.once(StreamPieces($0)) }
        try self.init(
            request.httpMethod ?? "GET", url.absoluteString, [:], request.allHTTPHeaderFields ?? [:], body,
            timeout: timeout, idempotencyKey: nil, followRedirects: true, streamed: false)
    }
}

/// A Foundation stream in chunks, for one reader.
private final class StreamPieces: AsyncSequence, AsyncIteratorProtocol, @unchecked Sendable {
    typealias Element = Data
    private let stream: InputStream

    init(_ stream: InputStream) {
        self.stream = stream
    }

    func makeAsyncIterator() -> StreamPieces {
        stream.open()
        return self
    }

    func next() async throws -> Data? {
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = stream.read(&piece, maxLength: piece.count)
        guard count >= 0 else { throw stream.streamError ?? URLError(.cannotOpenFile) }
        return count == 0 ? nil : Data(piece.prefix(count))
    }

    deinit {
        stream.close()
    }
}

/// Sends through a `URLSession`, with its proxy, certificates, protocol classes and connections.
///
/// A request's body is read whole before it is sent. A response's body is streamed; data that arrives faster than it is read
/// is buffered in memory. Redirects are left to the client, and cookies and caches are not used. A refresh uses a session of
/// its own with the same configuration, and so a connection of its own.
///
/// ```swift
/// let client = try Client(session, baseURL: url, transport: URLSessionTransport(.shared))
/// ```
public struct URLSessionTransport: Transport {
    private let tasks: Tasks
    private let configuration: URLSessionConfiguration

    /// Creates a transport that sends through this session.
    public init(_ session: URLSession = .shared) {
        tasks = Tasks(session)
        configuration = session.configuration
    }

    /// Sends a request.
    public func send(_ request: TransportRequest) async throws -> TransportResponse {
        let body = try await request.body()
        guard request.freshConnection else { return try await send(request, body, tasks) }
        return try await send(request, body, Tasks(URLSession(configuration: configuration), isOurs: true))
    }

    private func send(_ request: TransportRequest, _ body: Data?, _ tasks: Tasks) async throws
        -> TransportResponse
    {
        do {
            let (answer, chunks) = try await tasks.stream(asked(request, body))
            return TransportResponse(status: answer.statusCode, headers: headers(answer), chunks: chunks)
        } catch let error as URLError {
            let reason = "URLSession failed with code \(error.errorCode)"
            throw neverSent.contains(error.code)
                ? TransportFailure.notSent(reason: reason) : TransportFailure.maybeSent(reason: reason)
        }
    }

    private func asked(_ request: TransportRequest, _ body: Data?) -> URLRequest {
        var asked = URLRequest(url: request.url, cachePolicy: .reloadIgnoringLocalCacheData)
        asked.httpMethod = request.method
        asked.httpShouldHandleCookies = false
        asked.httpBody = body
        // URLSession's default limit is a minute without data; the client enforces the request's timeout.
        asked.timeoutInterval = max(asked.timeoutInterval, request.timeout?.seconds ?? noLimit)
        for (name, value) in request.headers { asked.addValue(value, forHTTPHeaderField: name) }
        return asked
    }

    private func headers(_ answer: HTTPURLResponse) -> [(name: String, value: String)] {
        // `URLSession` has decoded the body.
        let all = answer.fields
        guard all.contains(where: { $0.name.isSame("content-encoding") }) else { return all }
        return all.filter { !$0.name.isSame("content-encoding") && !$0.name.isSame("content-length") }
    }
}

extension HTTPURLResponse {
    /// The headers; values of the same name are joined by `URLSession`.
    var fields: [(name: String, value: String)] {
        allHeaderFields.compactMap { name, value -> (name: String, value: String)? in
            guard let name = name as? String, let value = value as? String else { return nil }
            return (name, value)
        }
    }
}

/// A week: URLSession's default limit for a whole resource.
private let noLimit: TimeInterval = 604_800

private let neverSent: Set<URLError.Code> = [
    .cannotFindHost, .cannotConnectToHost, .dnsLookupFailed, .notConnectedToInternet, .secureConnectionFailed,
    .serverCertificateUntrusted, .serverCertificateHasBadDate, .serverCertificateNotYetValid,
    .serverCertificateHasUnknownRoot, .badURL, .unsupportedURL,
]
