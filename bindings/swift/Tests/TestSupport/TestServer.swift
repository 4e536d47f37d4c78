import Foundation
#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// `rekindle-test-server`, by its control paths. It ends when this is let go.
package final class TestServer: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package let url: String
    /// It ends with this, or when its input does: where these tests are killed.
    private let program: Program

    /// With this model behind its script, or none.
    package static func start(auth: JSON? = nil) async throws -> TestServer {
        guard let path = ProcessInfo.processInfo.environment["REKINDLE_TEST_SERVER"] else {
            throw Failure(description: "REKINDLE_TEST_SERVER must name the program: cargo xtask test swift")
        }
        let program = try Program(path, auth.map { [$0.text] } ?? [])
        guard let url = try JSON(await program.line())["url"]?.string else {
            throw Failure(description: "the server told no url")
        }
        return TestServer(url, program)
    }

    private init(_ url: String, _ program: Program) {
        (self.url, self.program) = (url, program)
    }

    /// Plays these steps from their beginning, and empties the log.
    package func script(_ steps: [JSON]) async throws {
        try await control("POST", "/__script", ["steps": .array(steps)])
    }

    /// The requests in order; waits until so many have arrived.
    package func log(wait: Int = 0) async throws -> [JSON] {
        try await control("GET", wait > 0 ? "/__log?wait=\(wait)" : "/__log").array ?? []
    }

    /// What is wrong with the way in which the script was used.
    package func complaints() async throws -> [String] {
        try await control("GET", "/__consumed", failing: true)["complaints"]?.array?.compactMap(\.string) ?? []
    }

    /// Lets go what is held under this name.
    package func release(_ name: String) async throws {
        try await control("POST", "/__release", ["name": .string(name)])
    }

    /// What the model counted.
    package func counters() async throws -> JSON {
        try await control("GET", "/__counters")
    }

    package func count(_ name: String) async throws -> Int {
        try await counters()[name]?.int ?? -1
    }

    /// The tokens of a new sign-in at the model.
    package func signIn() async throws -> (access: String, refresh: String) {
        let told = try await control("POST", "/__sign_in")
        return (told["access_token"]?.string ?? "", told["refresh_token"]?.string ?? "")
    }

    package func expireAll() async throws { try await control("POST", "/__expire_all") }
    package func revokeAll() async throws { try await control("POST", "/__revoke_all") }
    package func knobs(_ knobs: JSON) async throws { try await control("POST", "/__knobs", knobs) }

    @discardableResult
    private func control(
        _ method: String, _ path: String, _ body: JSON? = nil, failing: Bool = false
    ) async throws -> JSON {
        var request = URLRequest(url: URL(string: url + path)!)
        request.httpMethod = method
        request.httpBody = body.map { Data($0.text.utf8) }
        let (data, answer) = try await controls.data(for: request)
        let status = (answer as? HTTPURLResponse)?.statusCode ?? 0
        guard failing || status < 300 else {
            throw Failure(description: "\(method) \(path): \(status) \(String(decoding: data, as: UTF8.self))")
        }
        return data.isEmpty ? .null : try JSONDecoder().decode(JSON.self, from: data)
    }
}

private let controls = URLSession(configuration: .ephemeral)
