import Foundation
import Rekindle
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A call that waits for a refresh.
struct Call: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable (World) async throws -> Void

    init(_ name: String, _ make: @escaping @Sendable (World) async throws -> Void) {
        (testDescription, self.make) = (name, make)
    }

    static let all = [
        Call("token") { _ = try await $0.session.token() },
        Call("token with a least life") { _ = try await $0.session.token(minLife: .seconds(1)) },
        Call("refresh") { try await $0.session.refresh() },
        Call("get") { _ = try await $0.client.get("/data") },
        Call("post") { try await $0.client.post("/data", body: .text("x")) },
        Call("stream") { _ = try await $0.client.stream("GET", "/data") },
        Call("URLRequest") { world in
            _ = try await world.client.data(for: URLRequest(url: URL(string: world.server.url + "/data")!))
        },
        Call("shutdown") { try await $0.session.shutdown(timeout: .seconds(60)) },
    ]
}

private let heldRefresh: [JSON] = [["match": ["path": "/refresh"], "hold": "refresh"]]

@Suite(.serialized) struct CancelTests {
    /// Spec 4.3: a cancelled task leaves at once; the flight goes on, and its token is there for the next.
    @Test(arguments: Call.all)
    func aCancelledTaskLeavesAtOnceAndTheFlightGoesOn(_ call: Call) async throws {
        let world = try await World(steps: heldRefresh)
        _ = try await world.session.token()
        world.session.invalidate()
        let flight = Task { try await world.session.token() }
        #expect(try await eventually { try await world.server.log().contains { $0["path"] == "/refresh" } })

        let task = Task { try await call.make(world) }
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        #expect(await isCancelled(task))

        try await world.server.release("refresh")
        let token = try await flight.value
        #expect(try await world.session.token().value == token.value)
        #expect(try await world.server.count("refreshes") == 1)
    }

    /// Spec 4.3: not even when all have left.
    @Test func theFlightOfALeaderThatWasCancelledIsFinishedAndServed() async throws {
        let world = try await World(steps: heldRefresh)
        let leader = Task { try await world.client.get("/data") }
        #expect(try await eventually { try await world.server.log().contains { $0["path"] == "/refresh" } })
        leader.cancel()
        #expect(await isCancelled(leader))

        try await world.server.release("refresh")
        #expect(try await eventually { world.session.status().generation == 2 })
        #expect(try await world.client.get("/data").status == 200)
        #expect(try await world.server.count("refreshes") == 1)
        #expect(try await world.server.count("reuses_detected") == 0)
    }

    @Test func aTaskThatWasCancelledBeforeAsksNobody() async throws {
        let world = try await World()
        for call in Call.all {
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await call.make(world)
            }
            #expect(await isCancelled(task))
        }
        #expect(try await world.server.log().isEmpty)
    }

    @Test func aRequestIsGivenUpWithItsTaskAndTheSessionLivesOn() async throws {
        let world = try await World(steps: [["match": ["path": "/slow"], "hold": "slow"]], expired: false)
        let task = Task { try await world.client.get("/slow") }
        _ = try await world.server.log(wait: 1)
        task.cancel()
        #expect(await isCancelled(task))
        #expect(try await world.client.get("/data").status == 200)
        #expect(try await world.server.count("refreshes") == 0)
    }

    @Test func aBodyIsGivenUpWithItsTask() async throws {
        let slow: JSON = [
            "match": ["path": "/slow"], "respond": ["status": 200, "text": "abcdefgh"],
            "fault": ["slow": ["chunk_bytes": 1, "delay_ms": 3000]],
        ]
        let world = try await World(steps: [slow], expired: false)
        let response = try await world.client.stream("GET", "/slow")
        let task = Task { try await response.bytes() }
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        #expect(await isCancelled(task, within: .seconds(2)))
    }

    @Test func whoWaitsForAStoreThatHangsLeavesAtOnce() async throws {
        let gate = Gate()
        let world = try await World(store: .custom(GatedStore(load: gate)))
        for make in [{ _ = try await world.session.token() }, { _ = try await world.session.freshStatus() }]
            as [@Sendable () async throws -> Void]
        {
            let task = Task { try await make() }
            #expect(try await eventually { gate.arrived > 0 })
            task.cancel()
            #expect(await isCancelled(task, within: .seconds(2)))
        }
        gate.open()
        #expect(try await world.client.get("/data").status == 200)
    }

    @Test func whoWaitsOutAPauseLeavesAtOnce() async throws {
        let busy: JSON = ["match": ["path": "/refresh"], "respond": ["status": 503, "headers": ["Retry-After": "2"]]]
        let world = try await World(steps: [busy])
        let task = Task { try await world.client.get("/data") }
        #expect(try await eventually { world.session.status().refreshing })
        #expect(try await eventually { try await world.server.log().contains { $0["path"] == "/refresh" } })
        task.cancel()
        #expect(await isCancelled(task, within: .seconds(1)))
        // The flight waits on, and asks again.
        #expect(try await eventually { world.session.status().generation == 2 })
        #expect(try await world.server.count("refreshes") == 1)
    }

    /// Spec 4.1: who waits for another process' refresh.
    @Test func whoWaitsForAnothersLeaseLeavesAtOnce() async throws {
        let store = GatedStore()
        let world = try await World(steps: heldRefresh, store: .custom(store))
        _ = try await world.session.token()
        let other = try Session(
            dialect: "json", tokenURL: "\(world.server.url)/refresh", store: .custom(store), alone: true)
        let flight = Task { try await world.session.refresh() }
        #expect(try await eventually { try await world.server.log().contains { $0["path"] == "/refresh" } })
        let task = Task { try await other.refresh() }
        #expect(try await eventually { other.status().refreshing })
        task.cancel()
        #expect(await isCancelled(task, within: .seconds(2)))
        try await world.server.release("refresh")
        let token = try await flight.value
        #expect(try await eventually { other.tokenIfValid()?.value == token.value })
        #expect(try await world.server.count("refreshes") == 1)
    }

    /// Spec 4.6: a sign-in that its caller left is not taken back.
    @Test func aSignInIsNotTakenBackByACancelledTask() async throws {
        let gate = Gate()
        let store = GatedStore(save: gate)
        let world = try await World(expired: false, store: .custom(store))
        let task = Task {
            try await world.session.signIn(Credential(accessToken: "AT-new", refreshToken: "RT-new"))
        }
        #expect(try await eventually { gate.arrived > 0 })
        task.cancel()
        #expect(await isCancelled(task, within: .seconds(2)))
        gate.open()
        #expect(try await eventually { world.session.tokenIfValid()?.value == "AT-new" })
        #expect(try await eventually { store.text?.contains("RT-new") == true })
    }

    @Test func eventsEndWithTheTaskThatReadsThem() async throws {
        let world = try await World()
        let heard = Count()
        let task = Task<Void, any Error> {
            for await _ in world.session.events() { heard.up() }
        }
        // The stream begins when the task does.
        #expect(
            try await eventually {
                _ = try await world.session.refresh()
                return heard.value > 0
            })
        task.cancel()
        #expect(await end(of: task, within: .seconds(2)) != nil)
    }

    @Test func aHostsSendIsCancelledWhereItIsGivenUp() async throws {
        let transport = HangingTransport()
        let world = try await World(expired: false, transport: transport)
        let task = Task { try await world.client.get("/data") }
        #expect(try await eventually { transport.begun.value == 1 })
        task.cancel()
        #expect(await isCancelled(task, within: .seconds(2)))
        #expect(try await eventually { transport.cancelled.value == 1 })
    }
}

/// Hangs until its task is cancelled, as `URLSession` does.
private final class HangingTransport: Transport {
    let begun = Count()
    let cancelled = Count()

    func send(_ request: TransportRequest) async throws -> TransportResponse {
        begun.up()
        do {
            try await Task.sleep(for: .seconds(600))
        } catch {
            cancelled.up()
            throw error
        }
        return TransportResponse(status: 200)
    }
}
