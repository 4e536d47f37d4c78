import Foundation
import Rekindle
import TestSupport
import Testing

/// `SecondProcess`, which lies beside these tests.
private final class Other: @unchecked Sendable {
    private let process = Process()
    private let (input, output) = (Pipe(), Pipe())

    init(_ server: String, _ file: String, rotates: Bool) throws {
        let here = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        process.executableURL = here.appendingPathComponent("SecondProcess")
        process.arguments = [server, file, "\(rotates)"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    /// Waits until its session is made.
    func ready() async throws {
        #expect(try await line() == "ready")
    }

    func go() throws {
        try input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
    }

    func line() async throws -> String {
        try await blocking { [output] in
            var line = Data()
            while let byte = try output.fileHandleForReading.read(upToCount: 1), byte.first != 10, !byte.isEmpty {
                line += byte
            }
            return String(decoding: line, as: UTF8.self)
        }
    }

    /// As the system ends an app.
    func kill() async throws {
        try await blocking { [process] in
            Foundation.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    deinit {
        process.terminate()
    }
}

@Suite(.serialized) struct ProcessesTests {
    private func place() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rekindle-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.appendingPathComponent("session.json").path
    }

    /// Spec 4.1: an app and its extension ask at the same moment: one refresh, whoever makes it.
    @Test func anAppAndItsExtensionMakeOneRefresh() async throws {
        let file = try place()
        let world = try await World(rotation: .strictFamily, store: .file(file))
        _ = try await world.session.token()
        let others = try (0..<3).map { _ in try Other(world.server.url, file, rotates: true) }
        for other in others { try await other.ready() }
        for other in others { try other.go() }
        #expect(try await world.client.get("/data").status == 200)
        for other in others { #expect(try await other.line().hasPrefix("200 ")) }
        #expect(try await world.server.count("refreshes") == 1)
        #expect(try await world.server.count("reuses_detected") == 0)
    }

    /// Spec 6.3, 7.7: a process that is killed while it refreshes keeps nobody waiting for its whole lease, and what it
    /// had not sent is not lost.
    @Test func theRefreshOfAKilledProcessIsTakenOver() async throws {
        let file = try place()
        let world = try await World(
            steps: [["match": ["path": "/refresh"], "hold": "refresh"]],
            auth: ["dialect": "json", "rotation": "none"], rotation: .reusable, store: .file(file))
        _ = try await world.session.token()
        let other = try Other(world.server.url, file, rotates: false)
        try await other.ready()
        try other.go()
        #expect(try await eventually { try await world.server.log().contains { $0["path"] == "/refresh" } })
        try await other.kill()
        let began = ContinuousClock.now
        let answer = Task { try await world.client.get("/data", timeout: .seconds(60)).status }
        try await world.server.release("refresh")
        #expect(try await answer.value == 200)
        // The lease would last for 90 s.
        #expect(ContinuousClock.now - began < .seconds(45))
        #expect(world.session.stats()["logins_required"] == 0)
    }
}
