import Foundation
internal import RekindleFFI

/// An HTTP client that sends requests with a session's access token, and sends them again with a new token after the old one
/// was rejected.
///
/// ```swift
/// let client = try Client(session, baseURL: "https://api.example.com")
/// let users: [User] = try await client.get("/users", query: ["limit": "5"]).json()
/// try await client.post("/users", body: .json(user)).errorForStatus()
/// ```
public final class Client: Sendable {
    /// The session whose token the requests carry.
    public let session: Session
    private let native: RekindleFFI.Client

    /// Creates a client.
    ///
    /// - Parameters:
    ///   - session: The session whose token is sent.
    ///   - baseURL: The URL that relative URLs are resolved below. Its origin receives the token.
    ///   - headers: Sent with every request.
    ///   - timeout: The limit for a whole request, including refreshes, replays and reading the body.
    ///   - maxRedirects: The maximum number of redirects to follow.
    ///   - maxSends: The maximum number of times a request is sent when it fails with a transient error.
    ///   - retryStatuses: The statuses after which a request is sent again, if that is safe (408, 429, 502, 503, 504).
    ///   - maxBodyBytes: The maximum length of a body that is read whole (256 MiB); a longer one is an error. Streams have
    ///     no limit.
    ///   - graphQLPath: The path that ``graphQL(_:variables:as:decoder:)`` sends to (`/graphql`).
    ///   - http: Connection settings, if they differ from the session's. Not allowed with `transport`.
    ///   - transport: An HTTP stack of your own: ``URLSessionTransport``.
    /// - Throws: ``RekindleError/Kind/invalidConfig`` if an argument is invalid; the message names it.
    public init(
        _ session: Session,
        baseURL: String? = nil,
        headers: [String: String] = [:],
        timeout: Duration = .seconds(60),
        maxRedirects: Int = 10,
        maxSends: Int = 3,
        retryStatuses: Set<Int>? = nil,
        maxBodyBytes: UInt64? = nil,
        graphQLPath: String? = nil,
        http: HTTPSettings? = nil,
        transport: (any Transport)? = nil
    ) throws {
        let config = ClientConfig(
            baseUrl: baseURL, headers: headers.map(Header.init), timeout: try timeout.positive("timeout"),
            maxRedirects: try small(maxRedirects, "maxRedirects"), maxSends: try small(maxSends, "maxSends"),
            // An invalid status becomes 0, which the engine rejects.
            retryStatuses: retryStatuses?.map { UInt16(exactly: $0) ?? 0 }, maxBodyBytes: maxBodyBytes,
            graphqlPath: graphQLPath, http: try http?.native())
        self.session = session
        native = try translated {
            try RekindleFFI.Client(
                session: session.native, config: config, transport: transport.map(HostTransport.init))
        }
    }

    /// Sends a request. No status is an error: see ``Response/errorForStatus()``.
    ///
    /// - Parameters:
    ///   - method: `GET` and so on.
    ///   - url: Absolute, or relative to the base URL.
    ///   - query: Parameters to encode and add to the URL's query.
    ///   - headers: Added to the client's own headers.
    ///   - body: Its body.
    ///   - timeout: Replaces the client's timeout.
    ///   - idempotencyKey: Sent as `Idempotency-Key`; allows a request with a non-idempotent method to be sent again.
    ///   - followRedirects: Whether redirects are followed.
    public func request(
        _ method: String, _ url: String, query: KeyValuePairs<String, String> = [:],
        headers: [String: String] = [:], body: Body? = nil, timeout: Duration? = nil,
        idempotencyKey: String? = nil, followRedirects: Bool = true
    ) async throws -> Response {
        try await send(
            Request(
                method, url, query, headers, body, timeout: timeout, idempotencyKey: idempotencyKey,
                followRedirects: followRedirects, streamed: false))
    }

    /// Sends a request whose response body is streamed: see ``Response/chunks``.
    public func stream(
        _ method: String, _ url: String, query: KeyValuePairs<String, String> = [:],
        headers: [String: String] = [:], body: Body? = nil, timeout: Duration? = nil,
        idempotencyKey: String? = nil, followRedirects: Bool = true
    ) async throws -> Response {
        try await send(
            Request(
                method, url, query, headers, body, timeout: timeout, idempotencyKey: idempotencyKey,
                followRedirects: followRedirects, streamed: true))
    }

    func send(_ request: Request) async throws -> Response {
        Response(try await session.asking { try await native.request(request: request, cancel: $0) })
    }

    /// Sends a GraphQL request and returns the `data` of the response.
    ///
    /// - Throws: ``RekindleError/Kind/graphQL`` if the response contains errors.
    public func graphQL<Value: Decodable>(
        _ query: String, variables: (any Encodable & Sendable)? = nil, as type: Value.Type = Value.self,
        decoder: JSONDecoder = JSONDecoder()
    ) async throws -> Value {
        let data = try await graphQL(query, variables)
        do {
            return try decoder.decode(type, from: data)
        } catch {
            throw RekindleError(
                .invalidResponse, "the data of the GraphQL answer is not the \(type) that was asked for")
        }
    }

    private func graphQL(_ query: String, _ variables: (any Encodable & Sendable)?) async throws -> Data {
        let variables = try variables.map {
            String(decoding: try encoded($0, "variables", JSONEncoder()), as: UTF8.self)
        }
        let answer = try await session.asking {
            try await native.graphql(query: query, variables: variables, cancel: $0)
        }
        return Data(answer.utf8)
    }
}

// Requests by method.
extension Client {
    /// Sends a GET request.
    public func get(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        timeout: Duration? = nil
    ) async throws -> Response {
        try await request("GET", url, query: query, headers: headers, timeout: timeout)
    }

    /// Sends a HEAD request.
    public func head(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        timeout: Duration? = nil
    ) async throws -> Response {
        try await request("HEAD", url, query: query, headers: headers, timeout: timeout)
    }

    /// Sends an OPTIONS request.
    public func options(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        timeout: Duration? = nil
    ) async throws -> Response {
        try await request("OPTIONS", url, query: query, headers: headers, timeout: timeout)
    }

    /// Sends a POST request.
    @discardableResult
    public func post(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        body: Body? = nil, timeout: Duration? = nil, idempotencyKey: String? = nil
    ) async throws -> Response {
        try await request(
            "POST", url, query: query, headers: headers, body: body, timeout: timeout,
            idempotencyKey: idempotencyKey)
    }

    /// Sends a PUT request.
    @discardableResult
    public func put(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        body: Body? = nil, timeout: Duration? = nil
    ) async throws -> Response {
        try await request("PUT", url, query: query, headers: headers, body: body, timeout: timeout)
    }

    /// Sends a PATCH request.
    @discardableResult
    public func patch(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        body: Body? = nil, timeout: Duration? = nil, idempotencyKey: String? = nil
    ) async throws -> Response {
        try await request(
            "PATCH", url, query: query, headers: headers, body: body, timeout: timeout,
            idempotencyKey: idempotencyKey)
    }

    /// Sends a DELETE request.
    @discardableResult
    public func delete(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        body: Body? = nil, timeout: Duration? = nil
    ) async throws -> Response {
        try await request("DELETE", url, query: query, headers: headers, body: body, timeout: timeout)
    }
}

extension Client: CustomStringConvertible {
    /// The client's session, without tokens.
    public var description: String { native.debugDescription }
}

extension Request {
    init(
        _ method: String, _ url: String, _ query: KeyValuePairs<String, String>, _ headers: [String: String],
        _ body: Body?, timeout: Duration?, idempotencyKey: String?, followRedirects: Bool, streamed: Bool
    ) throws {
        var headers = headers.map(Header.init)
        let names = headers.map { $0.name.lowercased() }
        if let type = body?.contentType, !names.contains("content-type") {
            headers.append(Header(name: "Content-Type", value: type))
        }
        self.init(
            method: method, url: url, query: query.map(Header.init), headers: headers,
            body: try body?.native() ?? .empty, timeout: try timeout?.positive("timeout"),
            idempotencyKey: idempotencyKey, followRedirects: followRedirects, streamed: streamed)
    }
}

extension Header {
    init(_ pair: (key: String, value: String)) {
        self.init(name: pair.key, value: pair.value)
    }
}

private func small(_ number: Int, _ argument: String) throws -> UInt32 {
    guard let small = UInt32(exactly: number) else {
        throw RekindleError(.invalidConfig, "\(argument): must be a number of 0 or above, and is \(number)")
    }
    return small
}
