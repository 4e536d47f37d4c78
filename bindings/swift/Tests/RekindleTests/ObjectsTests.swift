import Foundation
import Rekindle
import TestSupport
import Testing

/// Objects that are let go while they are used.
@Suite(.serialized) struct ObjectsTests {
    @Test func aFlightOutlivesItsSessionAndIsSaved() async throws {
        let store = GatedStore()
        var world: World? = try await World(
            steps: [["match": ["path": "/refresh"], "hold": "refresh"]], store: .custom(store))
        let server = world!.server
        let leader = Task { [session = world!.session] in try await session.refresh() }
        #expect(try await eventually { try await server.log().contains { $0["path"] == "/refresh" } })
        leader.cancel()
        _ = await end(of: leader)
        let before = store.text
        world = nil
        try await server.release("refresh")
        #expect(
            try await eventually {
                store.text != nil && store.text != before && store.text?.contains("\"generation\":2") == true
            })
        #expect(try await server.count("refreshes") == 1)
    }

    @Test func aClientKeepsItsSession() async throws {
        let (client, server) = try await {
            let world = try await World()
            return (world.client, world.server)
        }()
        #expect(try await client.get("/data").status == 200)
        #expect(try await server.count("refreshes") == 1)
    }

    @Test func aTokenAndAResponseOutliveTheirSession() async throws {
        let (token, response): (Token, Response) = try await {
            let world = try await World(expired: false)
            return (try await world.session.token(), try await world.client.get("/data"))
        }()
        #expect(try !token.value.isEmpty && response.status == 200 && !response.text.isEmpty)
    }

    @Test func aDiscardedBodyIsAnErrorAndNoCrash() async throws {
        let world = try await World(expired: false)
        let response = try await world.client.stream("GET", "/data")
        response.discard()
        await #expect(throws: RekindleError.self) { try await response.bytes() }
    }

    @Test func whatASessionHeldIsLetGoWithIt() async throws {
        final class Witness: Sendable {}
        weak var witness: Witness?
        try await {
            let kept = Witness()
            witness = kept
            let world = try await World(onEvent: { [kept] _ in _ = kept })
            _ = try await world.client.get("/data")
        }()
        #expect(try await eventually { witness == nil })
    }

    @Test func thousandsOfObjectsComeAndGo() async throws {
        let world = try await World(expired: false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2000 {
                group.addTask {
                    let session = try Session(
                        tokenURL: "\(world.server.url)/refresh", clientID: "app",
                        credential: Credential(accessToken: "AT-1"))
                    let client = try Client(session, baseURL: world.server.url)
                    #expect(try await client.session.token().value == "AT-1")
                }
            }
            try await group.waitForAll()
        }
    }
}
