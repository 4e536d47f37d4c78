import Foundation
internal import RekindleFFI

/// An HTTP stack of your own: its proxies, its pins, its certificates. It sends one request and gives one answer: no
/// redirects, no retries, no cookies, no authentication of its own, and no timeout but for making a connection. The task
/// of a send that is given up is cancelled.
public protocol Transport: Sendable {
    /// Sends it.
    ///
    /// - Throws: ``TransportFailure``: whether anything may have left. Anything else counts as `maybeSent`, and its text
    ///   is left out: it could quote the request.
    func send(_ request: TransportRequest) async throws -> TransportResponse
}

/// One request.
public struct TransportRequest: Sendable {
    /// `GET` and so on.
    public let method: String
    /// Where it goes.
    public let url: URL
    /// All of them but for those that the stack makes: `Host`, `Content-Length`.
    public let headers: Headers
    /// Wants a connection that nobody used before: a refresh must not be sent twice by a stack that repeats what a
    /// reused connection swallowed.
    public let freshConnection: Bool
    /// How long the caller waits for the response and its body; `nil`: without a limit. The caller gives up by itself then
    /// and cancels the task of the send, so this is for stacks that have deadlines of their own.
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

    /// How long its body is, if that is known.
    public var contentLength: UInt64? {
        guard let stream else { return UInt64(whole?.count ?? 0) }
        return stream.length()
    }

    /// Its body as it is read. It can be read once; where that fails, the request must not be completed.
    public var chunks: Chunks {
        Chunks(whole: whole, stream: stream)
    }

    /// Its body, read to its end; `nil` if there is none.
    public func body() async throws -> Data? {
        guard stream != nil else { return whole }
        return try await chunks.reduce(into: Data()) { $0.append($1) }
    }

    /// A body, piece by piece. A second reader of a body that comes as it is read gets an error.
    public struct Chunks: AsyncSequence, AsyncIteratorProtocol, Sendable {
        /// One piece.
        public typealias Element = Data
        private var whole: Data?
        private let stream: OutgoingBody?
        private var hasEnded = false

        fileprivate init(whole: Data?, stream: OutgoingBody?) {
            (self.whole, self.stream) = (whole, stream)
        }

        /// From its beginning.
        public func makeAsyncIterator() -> Chunks { self }

        /// The next piece; `nil` at the end.
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
    /// Method and place, without query, headers and body.
    public var description: String { "\(method) \(url.place)" }
    /// Nothing: `dump` would show headers and body.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// One answer.
public struct TransportResponse: Sendable {
    /// The status.
    public var status: Int
    /// All of them; those of a body that the stack has decoded without `Content-Encoding` and `Content-Length`.
    public var headers: [(name: String, value: String)]
    /// The body; `nil` where it comes as it is read.
    public let body: Data?
    /// `HTTP/1.1`, `HTTP/2`, ..; 1.1 if it is left out.
    public var version: String?

    fileprivate let stream: (any BodySource)?

    /// An answer of these parts.
    public init(status: Int, headers: [(name: String, value: String)] = [], body: Data = Data(), version: String? = nil)
    {
        self.status = status
        self.headers = headers
        self.body = body
        self.version = version
        stream = nil
    }

    /// An answer whose body comes as it is read. What reads it is let go when nobody wants more, so a sequence that holds
    /// a connection can end it then.
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

/// There is no answer. Reasons go into errors: no secrets.
public enum TransportFailure: Error, Sendable, Hashable {
    /// Nothing was sent: no connection, no name.
    case notSent(reason: String)
    /// It may have been sent.
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
