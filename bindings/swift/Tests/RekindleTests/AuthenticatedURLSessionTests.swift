import Foundation
import Rekindle
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// For those who keep their own `URLSession`.
@Suite(.serialized) struct AuthenticatedURLSessionTests {
    private func urls(_ world: World) throws -> AuthenticatedURLSession {
        try AuthenticatedURLSession(world.session, URLSession(configuration: .ephemeral))
    }

    private func header(_ name: String, of request: JSON?) -> String? {
        let headers = request?["headers"]?.array?.compactMap(\.array) ?? []
        return headers.first { $0[0].string == name }?[1].string
    }

    @Test func aURLSessionOfOnesOwnIsKeptSignedIn() async throws {
        let world = try await World()
        let urls = try urls(world)
        let request = URLRequest(url: URL(string: "\(world.server.url)/data")!)
        let bodies = try await withThrowingTaskGroup(of: Data.self) { group in
            for _ in 0..<20 { group.addTask { try await urls.data(for: request).0 } }
            return try await group.reduce(into: Set<Data>()) { $0.insert($1) }
        }
        #expect(bodies.count == 1)
        #expect(try await world.server.count("refreshes") == 1)
    }

    @Test func aSessionThatListsNoOriginSaysSo() throws {
        let session = try Session(tokenURL: "https://auth.test/token", credential: Credential(accessToken: "AT"))
        #expect {
            try AuthenticatedURLSession(session)
        } throws: {
            ($0 as? RekindleError)?.kind == .invalidConfig
        }
    }

    @Test func aFileIsSentAgain() async throws {
        let world = try await World()
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("rekindle-\(UUID()).txt")
        try Data("from a file".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        var request = URLRequest(url: URL(string: "\(world.server.url)/data")!)
        request.httpMethod = "PUT"
        let (_, response) = try await urls(world).upload(for: request, fromFile: file)
        #expect(response.statusCode == 200)
        let sent = try await world.server.log().filter { $0["path"] == "/data" }
        #expect(sent.map { $0["body"] } == ["from a file", "from a file"])
    }

    @Test func aStreamIsNotSentEmptyTheSecondTime() async throws {
        let world = try await World(expired: false)
        var request = URLRequest(url: URL(string: "\(world.server.url)/data")!)
        request.httpMethod = "POST"
        request.httpBodyStream = InputStream(data: Data("all of it".utf8))
        let (urls, again) = (try urls(world), request)
        #expect(try await urls.data(for: again).1.statusCode == 200)
        await #expect {
            try await urls.data(for: again)
        } throws: {
            ($0 as? RekindleError)?.kind == .misuse
        }
        #expect(try await world.server.log().map { $0["body"] } == ["all of it"])
    }

    /// Spec 9.2: neither our token nor a header of the caller's that may be a credential.
    @Test func nothingSecretLeavesTheOrigin() async throws {
        let other = try await TestServer.start()
        try await other.script([["match": ["path": "/there"], "respond": ["text": "there"]]])
        let moved: JSON = [
            "match": ["path": "/old"],
            "respond": ["status": 307, "headers": ["Location": .string("\(other.url)/there")]],
        ]
        let world = try await World(steps: [moved], expired: false)
        var request = URLRequest(url: URL(string: "\(world.server.url)/old")!)
        request.setValue("secret", forHTTPHeaderField: "X-Api-Key")
        request.setValue("text/plain", forHTTPHeaderField: "Accept")
        let answer = try await urls(world).send(request)
        #expect(answer.response.statusCode == 200 && answer.judged == nil)
        let sent = try await world.server.log().first
        #expect(header("authorization", of: sent) != nil && header("x-api-key", of: sent) == "secret")
        let arrived = try await other.log().first
        #expect(header("authorization", of: arrived) == nil && header("x-api-key", of: arrived) == nil)
        #expect(header("accept", of: arrived) == "text/plain")
    }

    /// A POST that is redirected as a GET takes no body along.
    @Test func aRedirectedPostIsAGetWithoutABody() async throws {
        let moved: JSON = ["match": ["path": "/old"], "respond": ["status": 302, "headers": ["Location": "/data"]]]
        let world = try await World(steps: [moved], expired: false)
        var request = URLRequest(url: URL(string: "\(world.server.url)/old")!)
        request.httpMethod = "POST"
        request.httpBody = Data("once".utf8)
        #expect(try await urls(world).data(for: request).1.statusCode == 200)
        let last = try await world.server.log().last
        #expect(last?["method"] == "GET" && last?["body"] != "once")
    }

    // spec 2.11
    @Test func aRedirectToTheLoginPageIsARejectedTokenAndIsNotFollowed() async throws {
        let world = try await World(steps: [toLogin("/data")], expired: false, dialect: loginPage)
        let (_, response) = try await urls(world).data(for: URLRequest(url: URL(string: "\(world.server.url)/data")!))
        #expect(response.statusCode == 200)
        #expect(try await world.server.log().map { $0["path"] } == ["/data", "/refresh", "/data"])
    }

    // spec 2.11
    @Test func theCallerGetsTheRedirectToTheLoginPageWhereAFreshTokenBringsItToo() async throws {
        let steps = [toLogin("/data"), toLogin("/data")]
        let world = try await World(steps: steps, expired: false, dialect: loginPage)
        let answer = try await urls(world).send(URLRequest(url: URL(string: "\(world.server.url)/data")!))
        #expect(answer.response.statusCode == 302)
        #expect(answer.judged?.replayRefused == "fresh_token_rejected")
        #expect(try await world.server.log().map { $0["path"] } == ["/data", "/refresh", "/data"])
    }

    // spec 2.11
    @Test func otherRedirectsAreFollowedUntilOneLeadsToTheLoginPage() async throws {
        let moved: JSON = ["match": ["path": "/moved"], "respond": ["status": 302, "headers": ["Location": "/data"]]]
        let world = try await World(steps: [moved, toLogin("/data")], expired: false, dialect: loginPage)
        let (_, response) = try await urls(world).data(for: URLRequest(url: URL(string: "\(world.server.url)/moved")!))
        #expect(response.statusCode == 200)
        #expect(try await world.server.log().map { $0["path"] } == ["/moved", "/data", "/refresh", "/data"])
    }

    /// The dialect of a server that redirects an expired session to its login page.
    private var loginPage: Dialect {
        .toml(
            """
            extends = "json"
            [[api.rules]]
            status = "3xx"
            location = true
            equals = "/login"
            verdict = "expired"
            applied = "no"
            """)
    }

    private func toLogin(_ path: String) -> JSON {
        ["match": ["path": .string(path)], "respond": ["status": 302, "headers": ["Location": "/login?next=1"]]]
    }

    /// What `URLSession` adds to each request would go along: the redirect is the answer then.
    @Test func aCredentialOfTheConfigurationStays() async throws {
        let other = try await TestServer.start()
        try await other.script([])
        let moved: JSON = [
            "match": ["path": "/old"],
            "respond": ["status": 307, "headers": ["Location": .string("\(other.url)/there")]],
        ]
        let world = try await World(steps: [moved], expired: false)
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpAdditionalHeaders = ["X-Api-Key": "secret"]
        let urls = try AuthenticatedURLSession(world.session, URLSession(configuration: configuration))
        let (_, response) = try await urls.data(for: URLRequest(url: URL(string: "\(world.server.url)/old")!))
        #expect(response.statusCode == 307)
        #expect(try await other.log().isEmpty)
    }

    /// The request's own timeout bounds the wait for a token; the refresh goes on.
    @Test func theRequestsTimeoutBoundsTheRefresh() async throws {
        let world = try await World(steps: [["match": ["path": "/refresh"], "hold": "refresh"]])
        var request = URLRequest(url: URL(string: "\(world.server.url)/data")!)
        // Long enough for the request that is turned away first, on a busy machine too.
        request.timeoutInterval = 12
        let (urls, asked) = (try urls(world), request)
        await #expect {
            try await urls.data(for: asked)
        } throws: {
            ($0 as? RekindleError)?.kind == .timeout
        }
        try await world.server.release("refresh")
        #expect(try await eventually { try await world.server.count("refreshes") == 1 })
    }

    @Test func aCancelledTaskIsCancelled() async throws {
        let world = try await World(steps: [["match": ["path": "/slow"], "hold": "slow"]], expired: false)
        let urls = try urls(world)
        let task = Task { try await urls.data(for: URLRequest(url: URL(string: "\(world.server.url)/slow")!)).1 }
        _ = try await world.server.log(wait: 1)
        task.cancel()
        #expect(await isCancelled(task))
        try await world.server.release("slow")
    }

    @Test func aCallOfOnesOwnIsKeptSignedIn() async throws {
        let world = try await World()
        let url = URL(string: "\(world.server.url)/data")!
        let call = world.session.call("GET", url)
        var added = try await call.headers()
        var sends = 0
        let plain = URLSession(configuration: .ephemeral)
        while true {
            var request = URLRequest(url: url)
            for (name, value) in added.headers { request.setValue(value, forHTTPHeaderField: name) }
            let (body, response) = try await plain.data(for: request)
            sends += 1
            let answer = try #require(response as? HTTPURLResponse)
            let fields = answer.allHeaderFields.map { ("\($0.key)", "\($0.value)") }
            switch try await call.answered(status: answer.statusCode, headers: fields, body: body) {
            case .sendAgain(let new): added = new
            case .keep(let judged):
                #expect(answer.statusCode == 200 && judged?.verdict == .accepted && sends == 2)
                var shown = "\(added) \(String(reflecting: added))"
                dump(added, to: &shown)
                #expect(!shown.contains("Bearer"))
                return
            }
        }
    }

    @Test func aTokenIsOnlyForItsOrigins() async throws {
        let world = try await World(expired: false)
        let elsewhere = URL(string: "https://elsewhere.test/")!
        let call = world.session.call("GET", elsewhere)
        #expect(try await call.headers().headers.isEmpty && call.isUnsigned)
        #expect(try world.session.owns(elsewhere) == false)
        #expect(try world.session.owns(URL(string: "\(world.server.url)/x")!))
    }
}
