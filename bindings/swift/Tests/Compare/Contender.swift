import Foundation
import Rekindle

/// What a contender is given: an API, a file for the tokens, the first ones, and how long a call may take.
struct Terms: Sendable {
    let url: String
    let file: String
    let access: String
    let refresh: String
    let deadline: Duration
}

/// One way to keep a client signed in.
protocol Contender: Sendable {
    /// The status of a GET of that path.
    func get(_ path: String) async throws -> Int

    /// The user signs out.
    func signOut() async throws
}

/// The rows, by the words that a second process is started with.
let contenders: [(name: String, make: @Sendable (Terms) throws -> any Contender)] = [
    ("rekindle's Client", { try RekindleClient($0) }),
    ("rekindle over URLSession", { try RekindleClient($0, URLSessionTransport()) }),
    ("URLSession, copied actor", { CopiedActor($0) }),
]

/// rekindle, with its own HTTP client or with the system's.
struct RekindleClient: Contender {
    private let client: Client

    init(_ terms: Terms, _ transport: (any Transport)? = nil) throws {
        let session = try Session(
            dialect: "json", tokenURL: "\(terms.url)/refresh",
            credential: Credential(accessToken: terms.access, refreshToken: terms.refresh),
            store: .file(terms.file), origins: [terms.url], rotation: .strictFamily, waitTimeout: terms.deadline,
            transport: transport)
        client = try Client(session, baseURL: terms.url, timeout: terms.deadline, transport: transport)
    }

    func get(_ path: String) async throws -> Int { try await client.get(path).status }

    func signOut() async throws { try await client.session.signOut() }
}
