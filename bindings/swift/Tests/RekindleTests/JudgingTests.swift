import Foundation
import Rekindle
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// For those who keep their own `URLSession`.
@Suite(.serialized) struct JudgingTests {
    /// As the documentation of `Exchange` has it.
    private func fetch(_ request: URLRequest, _ session: Session, through urlSession: URLSession) async throws -> Data {
        var token = try await session.token(for: request.url!)
        while true {
            var signed = request
            if let token { signed.setValue(token.authorization, forHTTPHeaderField: token.headerName) }
            let (data, response) = try await urlSession.data(for: signed)
            guard let sent = token, let answer = response as? HTTPURLResponse else { return data }
            switch try await session.judge(sent, Exchange(signed, answer, data)) {
            case .keep: return data
            case .replay(let new, _): token = new
            }
        }
    }

    @Test func aURLSessionOfOnesOwnIsKeptSignedIn() async throws {
        let world = try await World()
        let request = URLRequest(url: URL(string: "\(world.server.url)/data")!)
        let urlSession = URLSession(configuration: .ephemeral)
        let bodies = try await withThrowingTaskGroup(of: Data.self) { group in
            for _ in 0..<20 { group.addTask { try await fetch(request, world.session, through: urlSession) } }
            return try await group.reduce(into: Set<Data>()) { $0.insert($1) }
        }
        #expect(bodies.count == 1)
        #expect(try await world.server.count("refreshes") == 1)
    }

    @Test func aTokenIsOnlyForItsOrigins() async throws {
        let world = try await World(expired: false)
        let elsewhere = URL(string: "https://elsewhere.test/")!
        #expect(try await world.session.token(for: elsewhere).map { _ in true } == nil)
        #expect(try world.session.owns(elsewhere) == false)
        #expect(try world.session.owns(URL(string: "\(world.server.url)/x")!))
    }

    @Test func aSessionThatListsNoOriginSaysSo() async throws {
        let session = try Session(
            tokenURL: "https://auth.test/token", credential: Credential(accessToken: "AT", refreshToken: "RT"))
        await #expect {
            _ = try await session.token(for: URL(string: "https://api.test/data")!)
        } throws: {
            ($0 as? RekindleError)?.kind == .invalidConfig
        }
    }

    @Test func aMutationWithDataIsNotSentAgain() async throws {
        let server = try await TestServer.start(auth: ["dialect": "graphql"])
        let tokens = try await server.signIn()
        let session = try Session(
            dialect: "graphql", tokenURL: "\(server.url)/graphql",
            credential: Credential(accessToken: tokens.access, refreshToken: tokens.refresh), origins: [server.url])
        let url = URL(string: "\(server.url)/graphql")!
        let token = try #require(try await session.token(for: url))
        let exchange = try Exchange(
            method: "POST", url: url, sent: Data(#"{"query": "mutation { pay { id } }"}"#.utf8), status: 200,
            headers: [("Content-Type", "application/json")],
            body: Data(
                #"{"data": {"pay": null}, "errors": [{"message": "x", "extensions": {"code": "UNAUTHENTICATED"}}]}"#
                    .utf8))
        guard case .keep(_, let refused) = try await session.judge(token, exchange) else {
            Issue.record("it was to be sent again")
            return
        }
        #expect(refused != nil)
    }
}
