import Foundation
internal import RekindleFFI

/// The errors of this library. Messages say what to do and never contain a token.
///
/// ```swift
/// do {
///     let users: [User] = try await client.get("/users").json()
/// } catch let error as RekindleError where error.kind == .loginRequired {
///     showSignIn()
/// } catch let error as RekindleError where error.retryable {
///     tryLater(error.retryAfter)
/// }
/// ```
///
/// A cancelled task gets Swift's own `CancellationError`.
public struct RekindleError: Error, Sendable {
    /// The kinds, with the same names in every language.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The user must sign in again.
        case loginRequired = "LoginRequired"
        /// The session was signed out, or somebody else signed in.
        case signedOut = "SignedOut"
        /// A refresh failed, but the sign-in is still valid: try again later.
        case refreshFailed = "RefreshFailed"
        /// Too many refreshes, more than expiring tokens explain.
        case refreshLimited = "RefreshLimited"
        /// The token endpoint limits the rate of requests.
        case rateLimited = "RateLimited"
        /// A timeout expired.
        case timeout = "Timeout"
        /// The connection failed.
        case connection = "Connection"
        /// The store cannot be read or written at the moment, such as a locked keychain.
        case storeUnavailable = "StoreUnavailable"
        /// An argument is invalid; the message names it.
        case invalidConfig = "InvalidConfig"
        /// The server rejects this client, whichever user is signed in.
        case clientRejected = "ClientRejected"
        /// A response's body cannot be parsed.
        case invalidResponse = "InvalidResponse"
        /// The status is 400 or above, from ``Response/errorForStatus()``.
        case httpStatus = "HttpStatus"
        /// A GraphQL response contains errors.
        case graphQL = "GraphQL"
        /// There were more redirects than the client follows.
        case tooManyRedirects = "TooManyRedirects"
        /// The API was used in a way that cannot work.
        case misuse = "Misuse"
        /// A system resource is unavailable: threads, randomness, file descriptors.
        case system = "System"
    }

    /// One error of a GraphQL response. Anything that looks like a token is redacted.
    public struct GraphQLProblem: Sendable, Hashable {
        /// The error's message.
        public let message: String
        /// The error code, such as `extensions.code`.
        public let code: String?
        /// The path in the data, joined by dots.
        public let path: String?
    }

    /// The kind of error.
    public let kind: Kind
    /// What happened, and what to do.
    public let message: String
    /// Whether the same call may succeed later.
    public let retryable: Bool
    /// The name of the invalid argument.
    public let argument: String?
    /// The messages of its causes, outermost first.
    public let causes: [String]
    /// The server's error code, such as `invalid_grant`.
    public let oauthError: String?
    /// The HTTP status of the response, if there was one.
    public let status: Int?
    /// How long to wait before trying again, if the server said so.
    public let retryAfter: Duration?
    /// The errors of a GraphQL response.
    public let graphQLErrors: [GraphQLProblem]
    /// The response that caused the error.
    public let response: Response?
    /// What your refresh function threw, if that caused the error.
    public let underlyingError: (any Error)?

    /// A longer description for logs, also without secrets.
    let debug: String
}

extension RekindleError {
    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
        retryable = kind == .timeout
        // The message begins with the argument's name.
        argument = kind == .invalidConfig ? message.split(separator: ":").first.map(String.init) : nil
        causes = []
        oauthError = nil
        status = nil
        retryAfter = nil
        graphQLErrors = []
        response = nil
        underlyingError = nil
        debug = "\(kind.rawValue): \(message)"
    }

    /// The error for a native error; Swift's own for a cancelled call.
    static func of(_ error: RekindleFFI.RekindleError) -> any Error {
        let details = error.details(spelling: .swift)
        if details.kind == "Cancelled" { return CancellationError() }
        // An unknown kind: the native library and this code are of different versions.
        return RekindleError(Kind(rawValue: details.kind) ?? .system, details, error.response())
    }

    private init(_ kind: Kind, _ details: ProblemDetails, _ carried: RekindleFFI.Response?) {
        self.kind = kind
        let named = details.argument.map(Setting.init)
        message = named?.named(in: details.message) ?? details.message
        retryable = details.retryable
        argument = named?.swift
        causes = details.causes
        oauthError = details.oauthError
        status = details.status.map(Int.init)
        retryAfter = details.retryAfter.map { Duration($0) }
        graphQLErrors = details.graphqlErrors.map(GraphQLProblem.init)
        response = carried.map { Response($0) }
        underlyingError = details.cause.flatMap(Thrown.all.find)
        debug = named?.named(in: details.debug) ?? details.debug
    }

    static let unread = RekindleError(
        .misuse, "the body comes as it is read: ask for it with `chunks`, or read all of it with `bytes()` first")

    static let loginWaitsForItself = RekindleError(
        .misuse,
        "the login handler asked the session that it signs in for a token: that would wait for itself; sign in first")

    static let sentOnce = RekindleError(
        .misuse,
        "body: it can be read once, and was: make a new one for each request, or use `Body.opened`, `.data` or `.file`")

    static func outOfTime(_ timeout: Duration) -> RekindleError {
        RekindleError(
            .timeout, "no token came within \(timeout), the request's timeout; a refresh that is under way goes on")
    }

    static func tooManyRedirects(_ most: Int) -> RekindleError {
        RekindleError(.tooManyRedirects, "more than \(most) redirects; ask for the last URL")
    }

    static let waitsForItself = RekindleError(
        .misuse,
        "a store or refresh function called the session that it serves: that would wait for itself; "
            + "use a plain URLSession there")
}

/// The name of a setting: the engine's, and Swift's.
private struct Setting {
    let engine: String
    let swift: String

    init(_ engine: String) {
        let words = engine.split(separator: "_").map(String.init)
        let tail = words.dropFirst().map { Self.special[$0] ?? $0.prefix(1).uppercased() + $0.dropFirst() }
        let first = words.first == "graphql" ? "graphQL" : words.first ?? ""
        self.engine = engine
        swift = ([first] + tail).joined()
    }

    private static let special = ["url": "URL", "id": "ID", "dpop": "DPoP", "pem": "PEM"]

    /// The message with Swift's name of the argument, which a message begins with.
    func named(in message: String) -> String {
        guard let place = message.range(of: engine) else { return message }
        return message.replacingCharacters(in: place, with: swift)
    }
}

extension RekindleError.GraphQLProblem {
    init(_ problem: GraphqlProblem) {
        message = problem.message
        code = problem.code
        path = problem.path
    }
}

extension RekindleError: CustomStringConvertible, CustomDebugStringConvertible, LocalizedError {
    /// The kind and the message.
    public var description: String { "\(kind.rawValue): \(message)" }
    /// A longer description for logs, also without secrets.
    public var debugDescription: String { debug }
    /// The message.
    public var errorDescription: String? { message }
}
