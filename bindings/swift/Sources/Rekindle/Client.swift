import Foundation
internal import RekindleFFI

/// An HTTP client whose session stays alive: it sends the token where it belongs, and sends again what was turned away
/// for an old one.
///
/// ```swift
/// let client = try Client(session, baseURL: "https://api.example.com")
/// let users: [User] = try await client.get("/users", query: ["limit": "5"]).json()
/// try await client.post("/users", body: .json(user)).errorForStatus()
/// ```
public final class Client: Sendable {
    /// The session that it sends with.
    public let session: Session
    private let native: RekindleFFI.Client

    /// Makes it.
    ///
    /// - Parameters:
    ///   - session: Whose token is sent.
    ///   - baseURL: What relative URLs are below; the token is for its origin.
    ///   - headers: Sent with every request.
    ///   - timeout: How long a request may take, refreshes, replays and its body included.
    ///   - maxRedirects: How many redirects are followed.
    ///   - maxSends: How often a request is sent at most where it failed by itself.
    ///   - retryStatuses: The statuses after which it is sent again, where that is safe (408, 429, 502, 503, 504).
    ///   - maxBodyBytes: How long a body may be that is read whole (256 MiB); a longer one is an error. A stream has no
    ///     limit.
    ///   - graphQLPath: Where ``graphQL(_:variables:as:decoder:)`` asks (`/graphql`).
    ///   - http: How connections are made, where that differs from the session's. Not with a `transport`.
    ///   - transport: An HTTP stack of your own: ``URLSessionTransport``.
    /// - Throws: ``RekindleError/Kind/invalidConfig``, naming the argument.
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
            // What is no status is the engine's to refuse.
            retryStatuses: retryStatuses?.map { UInt16(exactly: $0) ?? 0 }, maxBodyBytes: maxBodyBytes,
            graphqlPath: graphQLPath, http: try http?.native())
        self.session = session
        native = try translated {
            try RekindleFFI.Client(
                session: session.native, config: config, transport: transport.map(HostTransport.init))
        }
    }

    /// A request of any method. Its answer's status is no error: see ``Response/errorForStatus()``.
    ///
    /// - Parameters:
    ///   - method: `GET` and so on.
    ///   - url: Below the base URL, or whole.
    ///   - query: Added to the URL's query, encoded.
    ///   - headers: Beside the client's own.
    ///   - body: Its body.
    ///   - timeout: Instead of the client's.
    ///   - idempotencyKey: Lets a request that is not idempotent be sent again: the server sees by it that it is the
    ///     same.
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

    /// A request whose body comes as it is read: see ``Response/chunks``.
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

    /// The data of a GraphQL answer.
    ///
    /// - Throws: ``RekindleError/Kind/graphQL`` where it holds errors.
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

// By method.
extension Client {
    /// A GET.
    public func get(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        timeout: Duration? = nil
    ) async throws -> Response {
        try await request("GET", url, query: query, headers: headers, timeout: timeout)
    }

    /// A HEAD.
    public func head(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        timeout: Duration? = nil
    ) async throws -> Response {
        try await request("HEAD", url, query: query, headers: headers, timeout: timeout)
    }

    /// An OPTIONS.
    public func options(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        timeout: Duration? = nil
    ) async throws -> Response {
        try await request("OPTIONS", url, query: query, headers: headers, timeout: timeout)
    }

    /// A POST.
    @discardableResult
    public func post(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        body: Body? = nil, timeout: Duration? = nil, idempotencyKey: String? = nil
    ) async throws -> Response {
        try await request(
            "POST", url, query: query, headers: headers, body: body, timeout: timeout,
            idempotencyKey: idempotencyKey)
    }

    /// A PUT.
    @discardableResult
    public func put(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        body: Body? = nil, timeout: Duration? = nil
    ) async throws -> Response {
        try await request("PUT", url, query: query, headers: headers, body: body, timeout: timeout)
    }

    /// A PATCH.
    @discardableResult
    public func patch(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        body: Body? = nil, timeout: Duration? = nil, idempotencyKey: String? = nil
    ) async throws -> Response {
        try await request(
            "PATCH", url, query: query, headers: headers, body: body, timeout: timeout,
            idempotencyKey: idempotencyKey)
    }

    /// A DELETE.
    @discardableResult
    public func delete(
        _ url: String, query: KeyValuePairs<String, String> = [:], headers: [String: String] = [:],
        body: Body? = nil, timeout: Duration? = nil
    ) async throws -> Response {
        try await request("DELETE", url, query: query, headers: headers, body: body, timeout: timeout)
    }
}

extension Client: CustomStringConvertible {
    /// Whose it is, without a token.
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
