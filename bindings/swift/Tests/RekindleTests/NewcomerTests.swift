import Foundation
import Rekindle
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// From nothing to an answered request, and what is seen of it.
@Suite(.serialized) struct NewcomerTests {
    private static let tokens: JSON = [
        "match": ["path": "/token"],
        "respond": ["json": ["access_token": "AT-1", "refresh_token": "RT-1", "expires_in": 900]],
    ]
    private static let data: JSON = ["match": ["path": "/data"], "respond": ["text": "hello"]]

    private func metadata(_ server: TestServer) -> JSON {
        let metadata: JSON = [
            "issuer": .string(server.url), "authorization_endpoint": .string(server.url + "/authorize"),
            "token_endpoint": .string(server.url + "/token"),
            "registration_endpoint": .string(server.url + "/register"),
        ]
        return ["match": ["path": "/.well-known/oauth-authorization-server"], "respond": .object(["json": metadata])]
    }

    private func place() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("rekindle-\(UUID()).json").path
    }

    // spec 12.9
    @Test func fromAClientIdToAnAnswerInTwoLines() async throws {
        let (server, file) = (try await TestServer.start(), place())
        try await server.script([metadata(server), Self.tokens, Self.data])
        let session = try await Session.signedIn(
            at: server.url, clientID: "app", store: .file(file), origins: [server.url], open: { visit($0) })
        #expect(try await Client(session, baseURL: server.url).get("/data").text == "hello")
        try await session.shutdown()
        // The second time nobody is asked.
        try await server.script([metadata(server), Self.data])
        let again = try await Session.signedIn(
            at: server.url, clientID: "app", store: .file(file), open: { _ in throw CancellationError() })
        #expect(try await Client(again, baseURL: server.url).get("/data").text == "hello")
    }

    // spec 12.16
    @Test func anAPIThatSaysWhoSignsItsUsersInNeedsOneLine() async throws {
        let (server, file) = (try await TestServer.start(), place())
        let api = server.url + "/mcp"
        let named = "Bearer resource_metadata=\"\(server.url)/.well-known/api\""
        let described: JSON = [
            "resource": .string(api), "authorization_servers": [.string(server.url)], "scopes_supported": ["read"],
        ]
        let client: JSON = [
            "client_id": "c-1", "client_secret": "sentinel", "token_endpoint_auth_method": "client_secret_post",
        ]
        let answered: JSON = ["match": ["path": "/mcp", "token": "AT-1"], "respond": ["text": "hello"]]
        try await server.script([
            [
                "match": ["path": "/mcp", "token": ""],
                "respond": ["status": 401, "headers": ["WWW-Authenticate": .string(named)]],
            ],
            ["match": ["path": "/.well-known/api"], "respond": .object(["json": described])],
            metadata(server),
            ["match": ["path": "/register"], "respond": .object(["status": 201, "json": client])],
            Self.tokens, answered,
        ])
        let session = try await Session.signedIn(
            to: api, name: "My tool", store: .file(file), http: HTTPSettings(userAgent: "tool/1"), open: { visit($0) })
        #expect(try await Client(session, baseURL: server.url).get("/mcp").text == "hello")
        try await session.shutdown()
        let log = try await server.log()
        let registration = log.first { $0["path"] == "/register" }?["body"]?.string ?? ""
        #expect(registration.contains("\"client_name\":\"My tool\""))
        let grant = log.first { $0["path"] == "/token" }?["body"]?.string ?? ""
        #expect(
            grant.contains("resource=") && grant.contains("client_id=c-1") && grant.contains("client_secret=sentinel"))
        let agents = log.map { one in one["headers"]?.array?.compactMap(\.array).first { $0[0] == "user-agent" }?[1] }
        #expect(Set(agents) == ["tool/1"])
        // The second time nothing is asked for, and nobody is registered anew.
        let kept = try FileManager.default.attributesOfItem(atPath: file + ".client")[.posixPermissions] as? Int
        #expect(kept == 0o600)
        try await server.script([answered])
        let again = try await Session.signedIn(
            to: api, name: "My tool", store: .file(file), open: { _ in throw CancellationError() })
        #expect(try await Client(again, baseURL: server.url).get("/mcp").text == "hello")
        #expect(try await server.log().count == 1)
    }

    // spec 5.4
    @Test func whenTheRefreshTokenEndsIsGivenKeptAndTold() async throws {
        let end = Date(timeIntervalSince1970: 4_102_444_800)
        let session = try Session(
            tokenURL: "https://auth.example.com/token", clientID: "app",
            credential: Credential(accessToken: "AT-1", refreshToken: "RT-1", refreshTokenExpiresAt: end), alone: true)
        #expect(try await session.freshStatus().refreshTokenExpiresAt == end)
        try await session.signIn(Credential(accessToken: "AT-2", refreshToken: "RT-2"))
        #expect(session.status().refreshTokenExpiresAt == nil)
    }

    // spec 8.1
    @Test func theStatusesAfterWhichARequestIsSentAgainAreTheClientsToSay() async throws {
        let server = try await TestServer.start()
        let session = try Session(
            tokenURL: server.url + "/token", clientID: "app",
            credential: Credential(accessToken: "AT-1", refreshToken: "RT-1"), alone: true)
        let failing: JSON = ["match": ["path": "/data"], "respond": ["status": 500]]
        try await server.script([failing, Self.data])
        #expect(try await Client(session, baseURL: server.url, retryStatuses: [500]).get("/data").status == 200)
        try await server.script([failing, Self.data])
        #expect(try await Client(session, baseURL: server.url).get("/data").status == 500)
        for wrong in [200, 7, -1, 70_000] {
            #expect {
                try Client(session, baseURL: server.url, retryStatuses: [wrong])
            } throws: {
                ($0 as? RekindleError)?.argument == "retryStatuses"
            }
        }
    }

    // spec 10.2
    @Test func theCountersOfAllSessionsAreOneText() async throws {
        let session = try Session(
            tokenURL: "https://auth.example.com/token", clientID: "app",
            credential: Credential(accessToken: "AT-1", refreshToken: "RT-1"), alone: true)
        _ = try await session.token()
        let app = try App(dialect: "google", clientID: "app")
        let text = try metricsText(sessions: ["billing": session], apps: ["crm": app], labels: ["zone": "a\"b"])
        #expect(text.contains("\nrekindle_sign_ins_total{app=\"billing\",dialect=\"oauth2\",zone=\"a\\\"b\"} 1\n"))
        let outcome = "{app=\"crm\",dialect=\"google\",zone=\"a\\\"b\",outcome=\"granted\"} 0\n"
        #expect(text.contains("\nrekindle_refresh_outcomes_total" + outcome))
        #expect {
            try metricsText(sessions: ["a": session], labels: ["app": "b"])
        } throws: {
            ($0 as? RekindleError)?.argument == "labels"
        }
    }

    // spec 10.1
    @Test func eventsGoToTheLogAtTheLevelThatTheyAreWorthWithoutASecret() async throws {
        let lines = Lines()
        RekindleLog.handle { lines.add($0) }
        defer { RekindleLog.handle(nil) }
        let server = try await TestServer.start()
        try await server.script([
            ["match": ["path": "/token"], "respond": ["json": ["access_token": "AT-2", "expires_in": 900]]],
            ["match": ["path": "/token"], "respond": ["status": 400, "json": ["error": "invalid_grant"]]],
        ])
        let heard = Count()
        let app = try App(tokenURL: server.url + "/token", clientID: "app", onEvent: { _, _ in heard.up() })
        // Other tests run beside this one: nobody else's key.
        let session = try app.session("log-test")
        try await session.signIn(Credential(accessToken: "AT-1", refreshToken: "RT-1"))
        try await session.refresh()
        _ = try? await session.refresh()
        #expect(try await eventually { lines.of("log-test").count >= 6 && heard.value >= 6 })
        let told = lines.of("log-test").map { "\($0.level.rawValue) \($0.message)" }
        #expect(
            told == [
                "info SignedIn", "debug RefreshStarted", "info RefreshSucceeded", "debug RefreshStarted",
                "warning LoginRequired", "warning RefreshFailed",
            ])
        #expect(lines.of("log-test")[1].facts == ["session": "log-test", "generation": "1", "cause": "forced"])
        #expect(!"\(lines.of("log-test"))".contains("AT-") && !"\(lines.of("log-test"))".contains("RT-"))
    }
}

private final class Lines: @unchecked Sendable {
    private let lock = NSLock()
    private var all: [RekindleLog.Line] = []

    func add(_ line: RekindleLog.Line) { lock.withLock { all.append(line) } }
    func of(_ key: String) -> [RekindleLog.Line] { lock.withLock { all.filter { $0.facts["session"] == key } } }
}

/// The browser comes back, in its own time.
private func visit(_ url: URL) {
    let items = URLComponents(url: url, resolvingAgainstBaseURL: false)?.queryItems ?? []
    let asked = Dictionary(items.map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { first, _ in first })
    let back = "\(asked["redirect_uri"] ?? "")?code=c-1&state=\(asked["state"] ?? "")"
    Task { if let back = URL(string: back) { _ = try? await URLSession.shared.data(from: back) } }
}
