import Foundation
internal import RekindleFFI

/// What went wrong. Its texts say what to do next and never hold a token.
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
        /// A refresh failed, and nobody was signed out: try later.
        case refreshFailed = "RefreshFailed"
        /// Too many refreshes that no clock explains.
        case refreshLimited = "RefreshLimited"
        /// The token endpoint wants fewer requests.
        case rateLimited = "RateLimited"
        /// A deadline passed.
        case timeout = "Timeout"
        /// The network did not carry it.
        case connection = "Connection"
        /// The store cannot be read or written now: a locked keychain, for example.
        case storeUnavailable = "StoreUnavailable"
        /// An argument makes no sense; the message names it.
        case invalidConfig = "InvalidConfig"
        /// The server does not take this client, whatever the user's sign-in.
        case clientRejected = "ClientRejected"
        /// A body does not parse.
        case invalidResponse = "InvalidResponse"
        /// A status of 400 or above, from ``Response/errorForStatus()``.
        case httpStatus = "HttpStatus"
        /// A GraphQL answer holds errors.
        case graphQL = "GraphQL"
        /// More redirects than are followed.
        case tooManyRedirects = "TooManyRedirects"
        /// Something was used in a way that cannot work.
        case misuse = "Misuse"
        /// The machine cannot give what is needed: threads, randomness, file descriptors.
        case system = "System"
    }

    /// One error of a GraphQL answer; what looks like a token is hidden.
    public struct GraphQLProblem: Sendable, Hashable {
        /// Its text.
        public let message: String
        /// `extensions.code`, or the like.
        public let code: String?
        /// Where in the data, joined by dots.
        public let path: String?
    }

    /// Its kind.
    public let kind: Kind
    /// What happened, and what to do next.
    public let message: String
    /// Whether trying the same again later may help.
    public let retryable: Bool
    /// The argument that is wrong.
    public let argument: String?
    /// What led to it, and what led to that, in words.
    public let causes: [String]
    /// The server's own code: `invalid_grant` and the like.
    public let oauthError: String?
    /// The HTTP status, if there was one.
    public let status: Int?
    /// When to come back, if somebody said so.
    public let retryAfter: Duration?
    /// The errors of a GraphQL answer.
    public let graphQLErrors: [GraphQLProblem]
    /// The response that it is about.
    public let response: Response?
    /// What a refresh function of yours threw, where that led to it.
    public let underlyingError: (any Error)?

    /// More of it, for a log; without secrets too.
    let debug: String
}

extension RekindleError {
    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
        retryable = kind == .timeout
        // It begins with the name of what is wrong.
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

    /// Ours, or Swift's own where the call was cancelled.
    static func of(_ error: RekindleFFI.RekindleError) -> any Error {
        let details = error.details(spelling: .swift)
        if details.kind == "Cancelled" { return CancellationError() }
        // One that is not known here: the library and this layer are of different versions.
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

    /// With Swift's name where the engine's comes first: a message begins with what is wrong.
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
    /// More of it, for a log; without secrets too.
    public var debugDescription: String { debug }
    /// The message.
    public var errorDescription: String? { message }
}
