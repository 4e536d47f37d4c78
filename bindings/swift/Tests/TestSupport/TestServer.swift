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
    private let process: Process
    private let input: Pipe

    /// With this model behind its script, or none.
    package static func start(auth: JSON? = nil) async throws -> TestServer {
        try await blocking { try TestServer(auth) }
    }

    private init(_ auth: JSON?) throws {
        guard let program = ProcessInfo.processInfo.environment["REKINDLE_TEST_SERVER"] else {
            throw Failure(description: "REKINDLE_TEST_SERVER must name the program: cargo xtask test swift")
        }
        (process, input) = (Process(), Pipe())
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = auth.map { [$0.text] } ?? []
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        guard let told = try JSON(firstLine(of: output.fileHandleForReading))["url"]?.string else {
            throw Failure(description: "the server told no url")
        }
        url = told
    }

    deinit {
        // It stops when its input ends, too: where these tests are killed.
        process.terminate()
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

private func firstLine(of handle: FileHandle) throws -> String {
    var line = Data()
    while !line.contains(10), let more = try handle.read(upToCount: 1), !more.isEmpty { line.append(more) }
    return String(decoding: line, as: UTF8.self)
}
