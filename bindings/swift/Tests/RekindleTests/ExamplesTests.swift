import Foundation
import TestSupport
import Testing

private struct Example: Sendable, CustomTestStringConvertible {
    let name: String
    let dialect: String
    let said: String
    var testDescription: String { name }

    static let all = [
        Example(name: "rest_json", dialect: "json", said: "ok"),
        Example(name: "authenticated_fetch", dialect: "api_token", said: "200"),
        Example(name: "oauth", dialect: "oauth", said: "1 refreshes, 0 sign-ins lost"),
        Example(name: "graphql", dialect: "graphql", said: "Student One"),
    ]
}

private let built = ProcessInfo.processInfo.environment["REKINDLE_EXAMPLES"]

/// The seed programs, built from the packaged package as somebody else would.
@Suite(.serialized) struct ExamplesTests {
    @Test(
        .enabled(if: built != nil, "REKINDLE_EXAMPLES names their folder: cargo xtask test swift"),
        arguments: Example.all)
    private func anExampleWithAnExpiredTokenRefreshesOnce(_ example: Example) async throws {
        let server = try await TestServer.start(auth: [
            "dialect": .string(example.dialect), "rotation": "strict_family",
        ])
        let tokens = try await server.signIn()
        try await server.expireAll()
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("rekindle-\(UUID()).json")
        defer { try? FileManager.default.removeItem(at: file) }
        let (status, said) = try await run(
            example.name,
            [
                "API_URL": example.dialect == "graphql" ? "\(server.url)/graphql" : server.url,
                "TOKEN_URL": "\(server.url)/oauth/token", "CLIENT_ID": "app", "CLIENT_SECRET": "app-secret",
                "ACCESS_TOKEN": tokens.access, "REFRESH_TOKEN": tokens.refresh, "SESSION_FILE": file.path,
            ])
        #expect(status == 0 && said.contains(example.said), "\(said)")
        #expect(try await server.count("refreshes") == 1)
        #expect(try await server.count("reuses_detected") == 0)
    }

    private func run(_ name: String, _ environment: [String: String]) async throws -> (Int32, String) {
        let program = try Program("\(built ?? "")/\(name)", [], environment: environment)
        let (said, status) = try await program.end()
        return (status, said)
    }
}
