import Foundation
import Rekindle
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A hundred thousand zeros.
private let zeros =
    "H4sIAAAAAAACA+3BMQEAAADCoErrn84aHkABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAArwaFwk3FoIYBAA=="

/// What goes wrong at servers, as it is seen from here.
@Suite(.serialized) struct FaultsTests {
    // spec 11.4
    @Test func aBodyThatUnpacksToMoreThanTheLimitIsAnErrorThatSaysSoAndAStreamHasNone() async throws {
        let bomb: JSON = [
            "match": ["path": "/bomb"],
            "respond": ["status": 200, "headers": ["Content-Encoding": "gzip"], "bytes": .string(zeros)], "repeat": 4,
        ]
        let world = try await World(steps: [bomb], expired: false)
        for transport in [nil, URLSessionTransport(URLSession(configuration: .ephemeral))] {
            let client = try Client(
                world.session, baseURL: world.server.url, maxBodyBytes: 10_000, transport: transport)
            await #expect {
                try await client.get("/bomb")
            } throws: {
                ($0 as? RekindleError)?.kind == .invalidResponse && "\($0)".contains("maxBodyBytes")
            }
            var length = 0
            for try await piece in try await client.stream("GET", "/bomb").chunks { length += piece.count }
            #expect(length == 100_000)
        }
    }

    // spec 11.6
    @Test func aPathDoesNotClimbOutOfTheBaseURL() async throws {
        let world = try await World(expired: false)
        let client = try Client(world.session, baseURL: world.server.url + "/api/")
        for path in ["../admin", "%2e%2e/admin", "a/../../admin"] {
            await #expect {
                try await client.get(path)
            } throws: {
                ($0 as? RekindleError)?.kind == .invalidConfig
            }
        }
        #expect(try await world.server.log().isEmpty)
    }

    // spec 1.9
    @Test func aLifetimeCountsFromTheMomentAtWhichItWasGiven() async throws {
        let world = try await World(expired: false)
        let (clock, tokens) = (ManualClock(), try await world.server.signIn())
        let session = try Session(
            dialect: "json", tokenURL: world.server.url + "/refresh",
            credential: Credential(
                accessToken: tokens.access, refreshToken: tokens.refresh, expiresIn: .seconds(2)),
            alone: true, clock: clock)
        clock.advance(by: .seconds(3))
        #expect(try await session.token().generation == 2)
        #expect(try await world.server.count("refreshes") == 1)
    }

    // spec 2.7
    @Test func theCodesOfGraphQLErrorsAreWholeAndWhatLooksLikeATokenIsNotShown() async throws {
        let world = try await World(expired: false)
        let token = try await world.session.token().value
        let errors: JSON = [["message": .string("no \(token)"), "extensions": ["code": "validation-failed"]]]
        try await world.server.script([
            ["match": ["path": "/graphql"], "respond": .object(["json": .object(["errors": errors])])]
        ])
        do {
            let _: JSON = try await world.client.graphQL("{ a }")
            Issue.record("there were errors")
        } catch let error as RekindleError {
            #expect(error.graphQLErrors.map(\.code) == ["validation-failed"])
            #expect(!"\(error) \(error.graphQLErrors)".contains(token))
        }
    }

    // spec 10.3
    @Test func whatTheServerSaidIsSaidWholeAlsoDuringThePauseAfterIt() async throws {
        let world = try await World(
            steps: [
                [
                    "match": ["path": "/refresh"], "respond": ["status": 503, "text": "<html>busy</html>"],
                    "repeat": "always",
                ]
            ], expired: false)
        _ = try await world.session.token()
        for _ in 0..<2 {
            await #expect {
                try await world.session.refresh()
            } throws: {
                ($0 as? RekindleError)?.status == 503 && "\($0)".contains("an HTML page")
            }
        }
    }
}
