import Foundation
import Rekindle
import TestSupport
import Testing

@Suite(.serialized) struct CallersTests {
    /// Spec 3.2, 4.1: a thousand requests with the same expired token, one refresh, a thousand answers.
    @Test func aThousandCallersMakeOneRefresh() async throws {
        let world = try await World()
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<1000 { group.addTask { try await world.client.get("/data").status } }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(statuses == [200: 1000])
        #expect(try await world.server.count("refreshes") == 1)
        #expect(try await world.server.count("reuses_detected") == 0)
    }

    /// Spec 4.1: a thousand who wait for the token alone, and half of them are cancelled.
    @Test func aThousandWaitersOfWhomHalfLeaveMakeOneRefresh() async throws {
        let world = try await World(steps: [["match": ["path": "/refresh"], "hold": "refresh"]])
        _ = try await world.session.token()
        world.session.invalidate()
        let tasks = (0..<1000).map { _ in Task { try await world.session.token() } }
        #expect(try await eventually { try await world.server.log().count == 1 })
        for task in tasks.prefix(500) { task.cancel() }
        var left = 0
        for task in tasks.prefix(500) where await isCancelled(task) { left += 1 }
        #expect(left == 500)
        try await world.server.release("refresh")
        var tokens: Set<String> = []
        for task in tasks.suffix(500) { tokens.insert(try await task.value.value) }
        #expect(tokens.count == 1)
        #expect(try await world.server.count("refreshes") == 1)
    }

    @Test func aValidTokenIsServedWithoutWaitingAndIsTheSame() async throws {
        let world = try await World(expired: false)
        let token = try await world.session.token()
        #expect(world.session.tokenIfValid()?.value == token.value)
        world.session.invalidate()
        #expect(world.session.tokenIfValid() == nil)
        let new = try await world.session.token()
        #expect(new.value != token.value && new.generation == token.generation + 1)
        #expect(world.session.tokenIfValid()?.value == new.value)
    }
}
