import Foundation
import Rekindle
import TestSupport
import Testing

@Suite struct SliceTests {
    @Test func anExpiredTokenIsRefreshedOnceAndTheRequestSentAgain() async throws {
        let server = try TestServer(auth: ["dialect": "json", "rotation": "strict_family"])
        let tokens = try await server.signIn()
        try await server.expireAll()
        let session = try Session(
            dialect: "json", tokenURL: "\(server.url)/refresh",
            credential: Credential(accessToken: tokens.access, refreshToken: tokens.refresh))
        let client = try Client(session, baseURL: server.url)
        let response = try await client.get("/data").errorForStatus()
        #expect(response.verdict == .accepted)
        #expect(try await session.token().value != tokens.access)
        #expect(try await server.count("refreshes") == 1)
    }
}
