import Foundation
internal import RekindleFFI

/// An HTTP stack of your own, with its proxies, pins and certificates. It sends one request and returns one response. It must
/// not follow redirects, retry, handle cookies or authentication, or have a timeout other than for connecting. The task of a
/// send whose caller gives up is cancelled.
public protocol Transport: Sendable {
    /// Sends a request.
    ///
    /// - Throws: ``TransportFailure``, which says whether the request may have been sent. Any other error counts as
    ///   `maybeSent`; its message is left out, because it could contain the request.
    func send(_ request: TransportRequest) async throws -> TransportResponse
}

/// A request to send.
public struct TransportRequest: Sendable {
    /// `GET` and so on.
    public let method: String
    /// The absolute URL.
    public let url: URL
    /// All headers except those that the HTTP stack sets: `Host`, `Content-Length`. Some contain tokens.
    public let headers: Headers
    /// Whether to use a new connection: HTTP stacks may resend a request on a stale one, and a refresh must not be sent
    /// twice.
    public let freshConnection: Bool
    /// How long the caller waits for the response and its body; `nil`: no limit. Then the caller cancels the task, so only
    /// stacks with deadlines of their own need this.
    public let timeout: Duration?

    private let whole: Data?
    private let stream: OutgoingBody?

    init(_ request: RekindleFFI.TransportRequest) {
        method = request.method
        url = URL(engine: request.url)
        headers = Headers(request.headers)
        freshConnection = request.freshConnection
        timeout = request.timeout.map { Duration($0) }
        whole = request.body
        stream = request.stream
    }

    /// The length of the body, if that is known.
    public var contentLength: UInt64? {
        guard let stream else { return UInt64(whole?.count ?? 0) }
        return stream.length()
    }

    /// The body in chunks. It can be read once. If reading fails, the request must not be completed.
    public var chunks: Chunks {
        Chunks(whole: whole, stream: stream)
    }

    /// The whole body; `nil` if there is none.
    public func body() async throws -> Data? {
        guard stream != nil else { return whole }
        return try await chunks.reduce(into: Data()) { $0.append($1) }
    }

    /// A body, chunk by chunk. A second reader of a streamed body gets an error.
    public struct Chunks: AsyncSequence, AsyncIteratorProtocol, Sendable {
        /// One chunk.
        public typealias Element = Data
        private var whole: Data?
        private let stream: OutgoingBody?
        private var hasEnded = false

        fileprivate init(whole: Data?, stream: OutgoingBody?) {
            (self.whole, self.stream) = (whole, stream)
        }

        /// Iterates from the beginning.
        public func makeAsyncIterator() -> Chunks { self }

        /// The next chunk; `nil` at the end.
        public mutating func next() async throws -> Data? {
            defer { whole = nil }
            if let whole { return whole }
            if hasEnded { return nil }
            let piece = try await stream?.next()
            hasEnded = piece == nil
            return piece
        }
    }
}

extension TransportRequest: CustomStringConvertible, CustomReflectable {
    /// The method and the URL, without query, headers and body.
    public var description: String { "\(method) \(url.place)" }
    /// Empty, so that `dump` shows neither headers nor body.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A response.
public struct TransportResponse: Sendable {
    /// The HTTP status code.
    public var status: Int
    /// All headers. If the stack has decoded the body, without `Content-Encoding` and `Content-Length`.
    public var headers: [(name: String, value: String)]
    /// The body; `nil` if it is streamed.
    public let body: Data?
    /// `HTTP/1.1`, `HTTP/2`, ..; by default 1.1.
    public var version: String?

    fileprivate let stream: (any BodySource)?

    /// A response with a body that has been read.
    public init(status: Int, headers: [(name: String, value: String)] = [], body: Data = Data(), version: String? = nil)
    {
        self.status = status
        self.headers = headers
        self.body = body
        self.version = version
        stream = nil
    }

    /// A response with a streamed body. The sequence's iterator is released when the rest is not needed, so a sequence that
    /// holds a connection can close it then.
    public init<Chunks: AsyncSequence & Sendable>(
        status: Int, headers: [(name: String, value: String)] = [], chunks: Chunks, version: String? = nil
    ) where Chunks.Element == Data {
        self.status = status
        self.headers = headers
        body = nil
        self.version = version
        stream = Source(chunks)
    }
}

/// A request got no response. Reasons are included in errors, so they must contain no secrets.
public enum TransportFailure: Error, Sendable, Hashable {
    /// The request was not sent: no connection, unknown host.
    case notSent(reason: String)
    /// The request may have been sent.
    case maybeSent(reason: String)
}

final class HostTransport: RekindleFFI.Transport {
    private let transport: any Transport

    init(_ transport: any Transport) {
        self.transport = transport
    }

    func send(request: RekindleFFI.TransportRequest) async throws -> RekindleFFI.TransportResponse {
        do {
            return try native(try await transport.send(TransportRequest(request)))
        } catch TransportFailure.notSent(let reason) {
            throw RekindleFFI.TransportFailure.NotSent(reason: reason)
        } catch TransportFailure.maybeSent(let reason) {
            throw RekindleFFI.TransportFailure.MaybeSent(reason: reason)
        } catch {
            throw RekindleFFI.TransportFailure.MaybeSent(reason: "the transport threw \(type(of: error))")
        }
    }

    private func native(_ response: TransportResponse) throws -> RekindleFFI.TransportResponse {
        guard let status = UInt16(exactly: response.status) else {
            throw TransportFailure.maybeSent(reason: "the transport gave \(response.status) for a status")
        }
        let headers = response.headers.map { Header(name: $0.name, value: $0.value) }
        return RekindleFFI.TransportResponse(
            status: status, version: response.version, headers: headers, body: response.body,
            stream: response.stream)
    }
}
