import Foundation
import Rekindle
import Testing
import TestSupport

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Signing in (spec 12).
@Suite struct SignInTests {
    private func app(
        _ server: TestServer, store: StoreChoice = .memory, described: String? = nil, dialect: Dialect = "oauth2",
        login: LoginFunction? = nil
    ) throws -> Session {
        try Session(
            dialect: dialect, tokenURL: server.url + "/token", clientID: "app", store: store, origins: [server.url],
            authorizationURL: server.url + "/authorize", server: described, login: login)
    }

    private func answers(_ path: String, _ body: JSON) -> JSON {
        .object(["match": .object(["path": .string(path)]), "respond": .object(["json": body])])
    }

    private var grants: JSON {
        answers(
            "/token",
            .object(["access_token": .string("AT-1"), "refresh_token": .string("RT-1"), "expires_in": .number(900)]))
    }

    // spec 12.1, 12.3, 12.5, 12.6
    @Test func anAppsLinkComesBackToAnotherProcessAndASecondOneCostsNothing() async throws {
        let server = try await TestServer.start()
        try await server.script([grants])
        let request = SignInRequest(redirectURI: "com.example.app:/callback", scope: "openid")
        let begun = try await app(server).beginSignIn(request)
        let asked = parameters(begun.url)
        #expect(asked["code_challenge_method"] == "S256" && asked["nonce"] != nil)
        #expect(!"\(begun)".contains(try #require(asked["state"])) && !"\(begun)".contains(begun.pending))
        // What was kept as text is enough: as after the system ended the app.
        let session = try app(server)
        let forged = "com.example.app:/callback?code=c-1&state=guess"
        let refused = await kind { try await session.finishSignIn(pending: begun.pending, callback: forged) }
        #expect(refused == .invalidResponse)
        let callback = "com.example.app:/callback?code=c-1&state=\(asked["state"] ?? "")"
        try await session.finishSignIn(pending: begun.pending, callback: callback)
        #expect(try await session.token().value == "AT-1")
        let again = try app(server)
        #expect(await kind { try await again.finishSignIn(pending: begun.pending, callback: callback) } == .misuse)
        #expect(try await server.log().count == 1)
        #expect(await kind { try await session.finishSignIn(pending: "{}", callback: callback) } == .invalidConfig)
    }

    // spec 12.8
    @Test func aBrowserOnThisMachineSignsIn() async throws {
        let server = try await TestServer.start()
        try await server.script([grants])
        let session = try app(server)
        try await session.signInWithBrowser { visit($0) }
        #expect(try await session.token().value == "AT-1")
        #expect(await kind { try await session.signInWithBrowser { _ in throw CancellationError() } } == .misuse)
    }

    // spec 12.8: nobody comes, and the task is cancelled
    @Test func aCancelledSignInLeavesNoPortOpen() async throws {
        let server = try await TestServer.start()
        let session = try app(server)
        let (addresses, address) = AsyncStream.makeStream(of: URL.self)
        let task = Task { try await session.signInWithBrowser { _ = address.yield($0) } }
        var shown = addresses.makeAsyncIterator()
        let url = try #require(await shown.next())
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let back = try #require(parameters(url)["redirect_uri"].flatMap(URL.init(string:)))
        let isClosed = try await eventually { (try? await URLSession.shared.data(from: back)) == nil }
        #expect(isClosed)
    }

    // spec 12.9, 12.10
    @Test func aServerIsFoundByItsIssuerAndADeviceSignsIn() async throws {
        let server = try await TestServer.start()
        let found: JSON = .object([
            "issuer": .string(server.url), "token_endpoint": .string(server.url + "/token"),
            "device_authorization_endpoint": .string(server.url + "/device"),
            "revocation_endpoint": .string(server.url + "/revoke"),
        ])
        let device: JSON = .object([
            "device_code": .string("d"), "user_code": .string("WDJB-MJHT"),
            "verification_uri": .string("https://a.example/device"), "interval": .number(1),
        ])
        try await server.script([
            answers("/.well-known/oauth-authorization-server", found), answers("/device", device), grants,
            answers("/revoke", .object([:])),
        ])
        let session = try app(server, described: try await discover(server.url))
        let shown = Count()
        try await session.signInWithDevice { code in
            if code.userCode == "WDJB-MJHT" { shown.up() }
        }
        #expect(try await session.token().value == "AT-1" && shown.value == 1)
        #expect(try await session.signOutAndRevoke() == true)
        #expect(await kind { try await session.token() } == .signedOut)
    }

    // spec 12.11
    @Test func aNameAndAPasswordAreSentAsTheDialectSays() async throws {
        let server = try await TestServer.start()
        try await server.script([answers("/login", .object(["accessToken": .string("AT-1")]))])
        let dialect = """
            [token_endpoint]
            encoding = "json"
            client_auth = "none"
            [password]
            url = "\(server.url)/login"
            names = { username = "email" }
            [password.answer]
            access_token = "accessToken"
            """
        let session = try app(server, dialect: .toml(dialect))
        let proof = Proof.password(username: "ada", password: "sentinel")
        #expect(!"\(proof)".contains("sentinel"))
        try await session.signIn(with: proof)
        #expect(try await session.token().value == "AT-1")
    }

    // spec 12.17
    @Test func anAppsUsersSignInUnderTheirKeysAndAreListed() async throws {
        let server = try await TestServer.start()
        try await server.script([grants, grants])
        let app = try App(
            tokenURL: server.url + "/token", clientID: "app", authorizationURL: server.url + "/authorize")
        for user in ["bob", "ada"] {
            let begun = try await app.beginSignIn(SignInRequest(redirectURI: "com.example.app:/callback"))
            let callback = "\(begun.redirectURI)?code=c-1&state=\(parameters(begun.url)["state"] ?? "")"
            let refused = await kind { try await app.finishSignIn(pending: begun.pending, callback: callback) }
            #expect(refused == .invalidConfig)
            let session = try await app.finishSignIn(pending: begun.pending, callback: callback, key: user)
            #expect(try await session.token().value == "AT-1" && session.subject == nil)
        }
        #expect(try await app.accounts() == ["ada", "bob"])
        try await app.session("bob").signOut()
        #expect(try await app.accounts() == ["ada"])
    }

    // spec 12.13
    @Test func aHundredCallersWaitForOneSignIn() async throws {
        let server = try await TestServer.start()
        try await server.script([grants])
        let (asked, refused) = (Count(), Count())
        let session = try app(server) { session in
            asked.up()
            if await kind({ try await session.token() }) == .misuse { refused.up() }
            try await session.signInWithBrowser { visit($0) }
        }
        let tokens = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<100 { group.addTask { try await session.token().value } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(tokens == ["AT-1"] && asked.value == 1 && refused.value == 1)
    }

    // spec 12.13
    @Test func aHandlerThatFailsIsToldWithWhatItThrew() async throws {
        struct Own: Error {}
        let server = try await TestServer.start()
        let session = try app(server) { _ in throw Own() }
        do {
            _ = try await session.token()
            Issue.record("nobody signed in")
        } catch let error as RekindleError {
            #expect(error.kind == .misuse && error.underlyingError is Own)
        }
    }
}

private func parameters(_ url: URL) -> [String: String] {
    let items = URLComponents(url: url, resolvingAgainstBaseURL: false)?.queryItems ?? []
    return Dictionary(items.map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { first, _ in first })
}

/// The browser comes back, in its own time.
private func visit(_ url: URL) {
    let asked = parameters(url)
    let back = "\(asked["redirect_uri"] ?? "")?code=c-1&state=\(asked["state"] ?? "")"
    Task { if let back = URL(string: back) { _ = try? await URLSession.shared.data(from: back) } }
}

private func kind(_ call: () async throws -> some Sendable) async -> RekindleError.Kind? {
    do {
        _ = try await call()
        return nil
    } catch {
        return (error as? RekindleError)?.kind
    }
}
