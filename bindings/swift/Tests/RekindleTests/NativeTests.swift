import Foundation
import Rekindle
import RekindleFFI
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

private struct Student: Codable, Equatable, Sendable {
    let id: Int
    let name: String
}

private func answering(_ body: JSON) -> [JSON] {
    [["match": ["path": "/answer"], "respond": ["status": 200, "json": body]]]
}

/// What makes it feel native.
@Suite(.serialized) struct NativeTests {
    @Test func aBodyIsDecodedAsWhatIsAskedFor() async throws {
        let world = try await World(steps: answering([["id": 1, "name": "Ada"]]), expired: false)
        let students: [Student] = try await world.client.get("/answer").json()
        #expect(students == [Student(id: 1, name: "Ada")])
        try await world.server.script(answering([["id": 2, "name": "Bob"]]))
        #expect(try await world.client.get("/answer").json([Student].self).first?.name == "Bob")
    }

    /// Spec 9.3, 10.3: the place of what does not fit, not what stands there.
    @Test func aBodyThatDoesNotFitIsToldByItsPlace() async throws {
        let world = try await World(steps: answering([["id": "AT-secret", "name": "Ada"]]), expired: false)
        let response = try await world.client.get("/answer")
        do {
            _ = try response.json([Student].self)
        } catch let error as Rekindle.RekindleError {
            #expect(error.kind == .invalidResponse && error.message.contains("another type at [0].id"), "\(error)")
            #expect(try error.response?.text.contains("AT-secret") == true)
            #expect(!String(reflecting: error).contains("AT-secret"))
        }
    }

    @Test func aStatusIsAnErrorOnlyWhereThatIsAsked() async throws {
        let world = try await World(steps: [["match": ["path": "/gone"], "respond": ["status": 404]]], expired: false)
        let response = try await world.client.get("/gone")
        #expect(response.status == 404 && !response.isSuccess)
        do {
            try response.errorForStatus()
            Issue.record("no error")
        } catch let error as Rekindle.RekindleError where error.kind == .httpStatus {
            #expect(error.status == 404 && error.response?.status == 404)
        }
    }

    @Test func aURLRequestGoesInAndDataComesOut() async throws {
        let world = try await World()
        var request = URLRequest(url: URL(string: "\(world.server.url)/data?a=b%20c")!)
        request.httpMethod = "PUT"
        request.setValue("text/x", forHTTPHeaderField: "Content-Type")
        request.httpBody = Data("hello".utf8)
        let (data, answer) = try await world.client.data(for: request)
        #expect(answer.statusCode == 200 && !data.isEmpty && answer.url?.path == "/data")
        let last = try #require(try await world.server.log().last)
        #expect(last["target"] == "/data?a=b%20c" && last["body"] == "hello" && last["method"] == "PUT")
        #expect(try await world.server.count("refreshes") == 1)
    }

    @Test func aURLRequestsStreamIsReadOnce() async throws {
        let world = try await World(expired: false)
        var request = URLRequest(url: URL(string: "\(world.server.url)/data")!)
        request.httpMethod = "POST"
        request.httpBodyStream = InputStream(data: Data("streamed".utf8))
        #expect(try await world.client.data(for: request).1.statusCode == 200)
        #expect(try await world.server.log().last?["body"] == "streamed")
    }

    @Test func bodiesArriveAsTheyAreMeant() async throws {
        let world = try await World(expired: false)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("rekindle-\(UUID()).txt")
        try Data("from a file".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let sorted = JSONEncoder()
        sorted.outputFormatting = .sortedKeys
        let bodies: [(Body, JSON, JSON?)] = [
            (.text("äö"), "äö", "text/plain; charset=utf-8"),
            (
                try .json(Student(id: 1, name: "Ada"), encoder: sorted), "{\"id\":1,\"name\":\"Ada\"}",
                "application/json"
            ),
            (.form(["a b": "c&d", "e": "ü"]), "a+b=c%26d&e=%C3%BC", "application/x-www-form-urlencoded"),
            (.data(Data("raw".utf8)), "raw", nil), (.file(file), "from a file", nil),
            (.once(pieces("in ", "pieces")), "in pieces", nil),
        ]
        for (body, arrived, type) in bodies {
            #expect(try await world.client.post("/data", body: body).status == 200)
            let last = try #require(try await world.server.log().last)
            #expect(last["body"] == arrived)
            let headers = last["headers"]?.array?.compactMap(\.array) ?? []
            #expect(headers.first { $0[0] == "content-type" }?[1] == type)
        }
    }

    @Test func aMultipartFormCarriesTextAndFiles() async throws {
        let world = try await World(expired: false)
        let form = Body.multipart([
            .text("title", "Ada"), .data("notes", Data("hello".utf8), fileName: "notes.txt", contentType: "text/plain"),
        ])
        #expect(try await world.client.post("/data", body: form).status == 200)
        let body = try #require(try await world.server.log().last?["body"]?.string)
        #expect(body.contains("name=\"title\"") && body.contains("Ada"))
        #expect(body.contains("filename=\"notes.txt\"") && body.contains("Content-Type: text/plain"))
    }

    /// Spec 3.4: what can be opened again is sent again; what can be read once is not.
    @Test func aBodyThatCanBeOpenedAgainIsReplayed() async throws {
        let opened = Count()
        let world = try await World()
        let again = try await world.client.post(
            "/data",
            body: .opened {
                opened.up(); return pieces("x", "y")
            })
        #expect(again.status == 200 && opened.value == 2)
        try await world.server.expireAll()
        let once = try await world.client.post("/data", body: .once(pieces("x")))
        #expect(once.status == 401 && once.replayRefused != nil)
    }

    @Test func aStreamIsReadPieceByPiece() async throws {
        let world = try await World(expired: false)
        var body = Data()
        for try await chunk in try await world.client.stream("GET", "/data").chunks { body.append(chunk) }
        let whole = try await world.client.get("/data").data
        #expect(body == whole && !body.isEmpty)
    }

    @Test func graphQLGivesTheTypeThatIsAskedFor() async throws {
        struct Students: Decodable { let students: [JSON] }
        struct Variables: Encodable { let limit: Int }
        let server = try await TestServer.start(auth: ["dialect": "graphql", "rotation": "strict_family"])
        let tokens = try await server.signIn()
        try await server.expireAll()
        let session = try Rekindle.Session(
            dialect: "graphql", tokenURL: "\(server.url)/graphql",
            credential: Rekindle.Credential(accessToken: tokens.access, refreshToken: tokens.refresh))
        let client = try Rekindle.Client(session, baseURL: server.url)
        let data: Students = try await client.graphQL("{ students { id } }", variables: Variables(limit: 5))
        #expect(!data.students.isEmpty)
        #expect(try await server.count("refreshes") == 1)
    }

    @Test func eventsComeInOrder() async throws {
        let world = try await World()
        let events = world.session.events()
        _ = try await world.client.get("/data")
        var names: [String] = []
        for await event in events {
            names.append(event.name)
            if event.name == "Replayed" { break }
        }
        #expect(names.suffix(3) == ["RefreshStarted", "RefreshSucceeded", "Replayed"])
    }

    /// Spec 4.13: what a refresh waits for, and until when.
    @Test func theStatusSaysWhatIsWaitedFor() async throws {
        let world = try await World(steps: [["match": ["path": "/refresh"], "hold": "refresh"]])
        #expect(world.session.status().waiting == nil)
        let task = Task { try await world.session.refresh() }
        #expect(try await eventually { world.session.status().waiting?.name == "token_endpoint" })
        #expect(world.session.status().waiting?.atMost != nil)
        try await world.server.release("refresh")
        _ = try await task.value
        #expect(world.session.status().waiting == nil)
    }

    /// Spec 4.10: time is asked for with each refresh, and given back.
    @Test func backgroundWorkBeginsAndEndsWithARefresh() async throws {
        let (begun, ended) = (Count(), Count())
        let world = try await World(
            steps: [["match": ["path": "/refresh"], "hold": "refresh"]],
            background: { _ in
                begun.up()
                return { ended.up() }
            })
        let task = Task { try await world.client.get("/data") }
        #expect(try await eventually { begun.value == 1 })
        #expect(ended.value == 0)
        try await world.server.release("refresh")
        #expect(try await task.value.status == 200)
        #expect(try await eventually { ended.value == 1 })
        #expect(begun.value == 1)
    }

    @Test func whatMakesNoSenseIsNamed() async throws {
        func message(_ call: () throws -> some Any) -> String {
            do {
                _ = try call()
                return "no error"
            } catch {
                return (error as? Rekindle.RekindleError)?.message ?? "another error"
            }
        }
        let session = try Rekindle.Session(tokenURL: "https://a.test/token", clientID: "app")
        #expect(message { try Client(session, timeout: .zero) }.contains("timeout"))
        #expect(message { try Client(session, maxSends: -1) }.contains("maxSends"))
        #expect(message { try Client(session, baseURL: "no url") }.contains("baseURL:"))
        #expect(message { try Session(dialect: "nobody", clientID: "a") }.contains("nobody"))
        #expect(message { try Session(tokenURL: "https://a.test", lease: .seconds(-1)) }.contains("lease"))
        let negative = Rekindle.Credential(accessToken: "a", expiresIn: .seconds(-1))
        #expect(message { try Session(tokenURL: "https://a.test", credential: negative) }.contains("expiresIn "))
    }

    @Test func timesAtTheEdgesAreNoCrash() async throws {
        let clock = ManualClock()
        for date in [Date.distantPast, .distantFuture, Date(timeIntervalSince1970: 0)] {
            let credential = Rekindle.Credential(accessToken: "AT-1", refreshToken: "RT-1", expiresAt: date)
            let session = try Session(
                tokenURL: "https://a.test/token", credential: credential, alone: true, clock: clock)
            let status = try await session.freshStatus()
            #expect(status.valid == (date == .distantFuture))
        }
        let long = Duration.seconds(Int64.max)
        let credential = Rekindle.Credential(accessToken: "AT-1", expiresIn: long)
        let session = try Session(
            tokenURL: "https://a.test/token", credential: credential, waitTimeout: long, sendTimeout: long, lease: long,
            alone: true)
        _ = try Client(session, baseURL: "https://a.test", timeout: long)
        #expect(try await session.token(minLife: long).value == "AT-1")
        _ = try await session.shutdown(timeout: .seconds(-1))
        clock.advance(by: .seconds(-1))
        #expect(clock.advanceToTimer(within: .seconds(-1)) == false)
    }

    @Test func aKeySignsAndShowsNothingOfItself() async throws {
        let (key, pem) = try Rekindle.SigningKey.generate()
        let again = try Rekindle.SigningKey(pem: pem, keyID: "k1")
        #expect(again.thumbprint == key.thumbprint)
        var shown = "\(key) \(String(reflecting: key))"
        dump(key, to: &shown)
        #expect(!shown.contains("PRIVATE") && shown.contains(key.thumbprint))
        #expect(throws: Rekindle.RekindleError.self) { try Rekindle.SigningKey(pem: "no key") }
        let credential = Rekindle.Credential(accessToken: "AT-1", tokenType: "DPoP")
        let session = try Session(
            tokenURL: "https://a.test/token", clientID: "app", dpopKey: key, credential: credential,
            origins: ["https://a.test"])
        let token = try await session.token()
        let url = URL(string: "https://a.test/data")!
        let proof = try #require(try await session.call("GET", url).headers().headers["DPoP"])
        #expect(token.authorization == "DPoP AT-1" && proof.split(separator: ".").count == 3)
    }

    @Test func theKindsOfErrorsAreThoseOfAllLanguages() {
        #expect(Rekindle.RekindleError.Kind.allCases.map(\.rawValue) == errorKinds())
    }

    /// Spec 1.7, 9.3: no way of showing a value shows a token.
    @Test func nothingShowsAToken() async throws {
        let credential = Rekindle.Credential(
            accessToken: "AT-1", refreshToken: "RT-1", expiresIn: .seconds(9), extra: ["a": "AT-2"])
        let session = try Rekindle.Session(tokenURL: "https://a.test/token", clientID: "app", credential: credential)
        let client = try Rekindle.Client(session, baseURL: "https://a.test", headers: ["X-Key": "AT-3"])
        let record = StoredRecord(record: Data("AT-1".utf8), version: "1")
        let token = try await session.token()
        for value in [credential, session, client, record, token, [token], session.status()] as [Any] {
            var shown = "\(value) \(String(reflecting: value))"
            dump(value, to: &shown)
            #expect(!shown.contains("AT-") && !shown.contains("RT-"), "\(shown)")
        }
    }
}

private typealias Client = Rekindle.Client
private typealias Session = Rekindle.Session

private func pieces(_ texts: String...) -> AsyncStream<Data> {
    AsyncStream { continuation in
        for text in texts { continuation.yield(Data(text.utf8)) }
        continuation.finish()
    }
}
