import Foundation
#if canImport(FoundationNetworking)
    public import FoundationNetworking
#endif
internal import RekindleFFI

extension Client {
    /// A `URLRequest` in, `(Data, HTTPURLResponse)` out, as `URLSession` has it: for code that is written that way.
    ///
    /// Its cache policy and its cookies play no part; its `timeoutInterval` is the limit for everything, refreshes and
    /// replays included, unless it is the default of 60 seconds: then the client's holds.
    ///
    /// ```swift
    /// let (data, response) = try await client.data(for: URLRequest(url: url))
    /// ```
    public func data(for request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        let response = try await send(try Request(request))
        // One line a name, as `URLSession` does it.
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
        // One that has been opened, by an earlier send for example, would give what is left.
        if let stream = request.httpBodyStream, stream.streamStatus != .notOpen { throw RekindleError.sentOnce }
        let body = request.httpBody.map { Body.data($0) } ?? request.httpBodyStream.map { Body.once(StreamPieces($0)) }
        try self.init(
            request.httpMethod ?? "GET", url.absoluteString, [:], request.allHTTPHeaderFields ?? [:], body,
            timeout: timeout, idempotencyKey: nil, followRedirects: true, streamed: false)
    }
}

/// A stream of Foundation's in pieces. One reader reads it once.
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

/// Sends through a `URLSession`: its proxy, its certificates, its protocol classes, its connections.
///
/// A request's body is read whole before it is sent; an answer's comes as it is read, and what comes faster than it is read
/// is kept in memory. Redirects are left to the client, cookies and caches are not used, and a refresh goes over a session of
/// the same configuration, so over a connection of its own.
///
/// ```swift
/// let client = try Client(session, baseURL: url, transport: URLSessionTransport(.shared))
/// ```
public struct URLSessionTransport: Transport {
    private let tasks: Tasks
    private let configuration: URLSessionConfiguration

    /// Through this session.
    public init(_ session: URLSession = .shared) {
        tasks = Tasks(session)
        configuration = session.configuration
    }

    /// Sends it.
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
        // Its own limit is a minute without a byte; the client keeps to the request's.
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
    /// One line a name, as `URLSession` has it.
    var fields: [(name: String, value: String)] {
        allHeaderFields.compactMap { name, value -> (name: String, value: String)? in
            guard let name = name as? String, let value = value as? String else { return nil }
            return (name, value)
        }
    }
}

/// A week, as `URLSession` takes it for a whole resource.
private let noLimit: TimeInterval = 604_800

private let neverSent: Set<URLError.Code> = [
    .cannotFindHost, .cannotConnectToHost, .dnsLookupFailed, .notConnectedToInternet, .secureConnectionFailed,
    .serverCertificateUntrusted, .serverCertificateHasBadDate, .serverCertificateNotYetValid,
    .serverCertificateHasUnknownRoot, .badURL, .unsupportedURL,
]
