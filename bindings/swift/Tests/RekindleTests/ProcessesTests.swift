import Foundation
import Rekindle
import TestSupport
import Testing

/// `SecondProcess`, which lies beside these tests.
private struct Other {
    let program: Program

    init(_ server: String, _ file: String, rotates: Bool) throws {
        try self.init(server, file, "\(rotates)")
    }

    init(_ server: String, _ file: String, _ how: String) throws {
        let here = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        program = try Program(here.appendingPathComponent("SecondProcess").path, [server, file, how])
    }

    /// Waits until its session is made.
    func ready() async throws {
        #expect(try await program.line() == "ready")
    }

    func go() throws {
        try program.input.write(contentsOf: Data("go\n".utf8))
    }
}

@Suite(.serialized) struct ProcessesTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rekindle-\(UUID())")

    private func place() throws -> String {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.appendingPathComponent("session.json").path
    }

    /// Spec 4.1: an app and its extension ask at the same moment: one refresh, whoever makes it.
    @Test func anAppAndItsExtensionMakeOneRefresh() async throws {
        let file = try place()
        defer { try? FileManager.default.removeItem(at: folder) }
        let world = try await World(rotation: .strictFamily, store: .file(file))
        _ = try await world.session.token()
        let others = try (0..<3).map { _ in try Other(world.server.url, file, rotates: true) }
        for other in others { try await other.ready() }
        for other in others { try other.go() }
        #expect(try await world.client.get("/data").status == 200)
        for other in others { #expect(try await other.program.line().hasPrefix("200 ")) }
        #expect(try await world.server.count("refreshes") == 1)
        #expect(try await world.server.count("reuses_detected") == 0)
    }

    /// Spec 6.3, 7.7: a process that is killed while it refreshes keeps nobody waiting for its whole lease, and what it
    /// had not sent is not lost.
    @Test func theRefreshOfAKilledProcessIsTakenOver() async throws {
        let file = try place()
        defer { try? FileManager.default.removeItem(at: folder) }
        let world = try await World(
            steps: [["match": ["path": "/refresh"], "hold": "refresh"]],
            auth: ["dialect": "json", "rotation": "none"], rotation: .reusable, store: .file(file))
        _ = try await world.session.token()
        let other = try Other(world.server.url, file, rotates: false)
        try await other.ready()
        try other.go()
        #expect(try await eventually { try await world.server.log().contains { $0["path"] == "/refresh" } })
        try await other.program.kill()
        let began = ContinuousClock.now
        let answer = Task { try await world.client.get("/data", timeout: .seconds(60)).status }
        try await world.server.release("refresh")
        #expect(try await answer.value == 200)
        // The lease would last for 90 s.
        #expect(ContinuousClock.now - began < .seconds(45))
        #expect(world.session.stats()["logins_required"] == 0)
    }

    /// Spec 10.1: whoever must sign in is told, however soon the program ends.
    @Test func eventsAreNotLostAtTheEnd() async throws {
        let server = try await TestServer.start()
        try await server.script([
            [
                "match": ["path": "/token"], "respond": ["status": 400, "json": ["error": "invalid_grant"]],
                "repeat": "always",
            ]
        ])
        let (said, status) = try await Other(server.url, "none", "events").program.end()
        let told = said.split(separator: "\n").map(String.init).sorted()
        #expect(told == (0..<20).map { "user-\($0) must sign in" }.sorted() && status == 0)
    }

    /// Spec 4.10: a refresh that is under way at the end lands, and its token is saved.
    @Test func aRefreshAtTheEndIsNotLost() async throws {
        let file = try place()
        defer { try? FileManager.default.removeItem(at: folder) }
        let world = try await World(rotation: .strictFamily, store: .file(file))
        _ = try await world.session.token()
        try await world.session.shutdown()
        try await world.server.knobs(["token_latency_ms": 300])
        let (said, status) = try await Other(world.server.url, file, "refresh").program.end()
        #expect(said == "begun\n" && status == 0)
        #expect(try await world.server.count("refreshes") == 1)
        #expect(try await world.client.get("/data").status == 200)
        #expect(try await world.server.count("refreshes") == 1)
    }
}
