import Foundation
import Rekindle
import TestSupport
import Testing

/// What a store can do wrong, and what is told of it.
struct Fault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let told: String
    let failure: @Sendable () async throws -> Void

    static let all = [
        Fault(testDescription: "unavailable", told: "the device is locked") {
            throw StoreUnavailable("the device is locked")
        },
        Fault(testDescription: "an error of its own", told: "the store threw TellTale") { throw TellTale() },
        Fault(testDescription: "cancelled", told: "the store threw CancellationError") { throw CancellationError() },
    ]
}

private func kind(_ call: () async throws -> some Any) async -> RekindleError? {
    do {
        _ = try await call()
        return nil
    } catch {
        return error as? RekindleError
    }
}

@Suite(.serialized) struct HostStoreTests {
    /// Spec 7.6: who cannot read the store is not signed out, and spends nothing.
    @Test(arguments: Fault.all)
    func aStoreThatFailsIsUnavailableAndNobodyIsSignedOut(_ fault: Fault) async throws {
        let world = try await World(store: .custom(FailingStore(failure: fault.failure)))
        let error = await kind { try await world.session.token() }
        #expect(error?.kind == .storeUnavailable)
        #expect(error?.retryable == true)
        #expect(error?.message.contains(fault.told) == true, "\(error?.message ?? "none")")
        #expect("\(String(reflecting: error))".contains("AT-1") == false)
        #expect(try await world.server.log().isEmpty)
        #expect(world.session.stats()["logins_required"] == 0)
    }

    /// A call that takes more than five seconds counts as unavailable, on the session's clock.
    @Test func aStoreThatHangsIsUnavailableAfterFiveSeconds() async throws {
        let (clock, gate) = (ManualClock(), Gate())
        let session = try Session(
            tokenURL: "http://127.0.0.1:9/token", clientID: "app",
            credential: Credential(accessToken: "AT-1", refreshToken: "RT-1"),
            store: .custom(GatedStore(load: gate)), waitTimeout: .seconds(86_400), alone: true, clock: clock)
        let task = Task { try await session.token() }
        #expect(try await eventually { gate.arrived > 0 && clock.sleepers > 0 })
        let ended = Count()
        Task {
            _ = await task.result
            ended.up()
        }
        let hasEnded = try await eventually {
            clock.advance(by: .seconds(1))
            return ended.value == 1
        }
        #expect(hasEnded)
        #expect(await kind { try await task.value }?.kind == .storeUnavailable)
        gate.open()
    }

    /// Spec 4.8: a store that asks the session that it serves would wait for itself.
    @Test func aStoreThatAsksItsOwnSessionIsRefused() async throws {
        let (box, heard) = (Box<Session>(), Box<RekindleError>())
        let store = FailingStore {
            guard let session = box.value else { return }
            heard.value = await kind { try await session.token() }
        }
        let world = try await World(store: .custom(store))
        box.value = world.session
        _ = try? await world.session.token()
        #expect(heard.value?.kind == .misuse)
        box.value = nil
    }

    /// Spec 7.2: what could not be saved is served from memory, and saved once that works.
    @Test func aGrantThatCannotBeSavedIsServedAndSavedLater() async throws {
        let (works, store) = (Box<Bool>(), GatedStore())
        works.value = true
        let world = try await World(store: .custom(Switched(store: store, works: works)))
        _ = try await world.session.freshStatus()
        #expect(try await world.client.get("/data").status == 200)
        #expect(store.text != nil)
    }
}

/// A store that can be switched off.
struct Switched: Store {
    let store: GatedStore
    let works: Box<Bool>

    func load(key: String) async throws -> StoredRecord? {
        guard works.value == true else { throw StoreUnavailable("switched off") }
        return try await store.load(key: key)
    }

    func save(_ record: Data, key: String, expected: Expected) async throws -> String? {
        guard works.value == true else { throw StoreUnavailable("switched off") }
        return try await store.save(record, key: key, expected: expected)
    }
}

/// A value that tasks share.
final class Box<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var held: Value?
    var value: Value? {
        get { lock.withLock { held } }
        set { lock.withLock { held = newValue } }
    }
}

@Suite(.serialized) struct HostTransportTests {
    private struct Throwing: Transport {
        let failure: any Error
        func send(_ request: TransportRequest) async throws -> TransportResponse { throw failure }
    }

    @Test func whatATransportThrowsIsAConnectionErrorWithoutItsText() async throws {
        let failures: [any Error] = [
            TellTale(), TransportFailure.notSent(reason: "no route"), TransportFailure.maybeSent(reason: "it broke"),
        ]
        for failure in failures {
            let world = try await World(expired: false)
            let client = try Client(
                world.session, baseURL: world.server.url, maxSends: 1, transport: Throwing(failure: failure))
            let error = await kind { try await client.get("/data") }
            #expect(error?.kind == .connection, "\(failure)")
            #expect(String(reflecting: error).contains("AT-1") == false)
        }
    }

    /// Spec 6.2: a refresh that was not sent is sent again; one that may have been is not, for this server.
    @Test func aRefreshThatNeverLeftSpendsNothing() async throws {
        let world = try await World(transport: Throwing(failure: TransportFailure.notSent(reason: "no route")))
        let error = await kind { try await world.session.refresh() }
        #expect(error?.kind == .refreshFailed || error?.kind == .connection)
        #expect(world.session.stats()["logins_required"] == 0)
        #expect(try await world.server.count("refreshes") == 0)
    }

    @Test func aTransportThatTalksNonsenseIsAnErrorAndNoCrash() async throws {
        struct Nonsense: Transport {
            let response: TransportResponse
            func send(_ request: TransportRequest) async throws -> TransportResponse { response }
        }
        let nonsense = [
            TransportResponse(status: -1), TransportResponse(status: 70_000), TransportResponse(status: 0),
        ]
        for response in nonsense {
            let world = try await World(expired: false)
            let client = try Client(
                world.session, baseURL: world.server.url, maxSends: 1, transport: Nonsense(response: response))
            #expect(await kind { try await client.get("/data") }?.kind == .connection, "\(response)")
        }
    }

    /// The rest of the response may hold the new tokens.
    @Test func whatIsNoHeaderIsLeftOut() async throws {
        struct Odd: Transport {
            func send(_ request: TransportRequest) async throws -> TransportResponse {
                TransportResponse(status: 200, headers: [("no header", "x"), ("x", "line\nbreak"), ("y", "z")])
            }
        }
        let world = try await World(expired: false)
        let client = try Client(world.session, baseURL: world.server.url, maxSends: 1, transport: Odd())
        let response = try await client.get("/data")
        #expect(response.headers["y"] == "z" && response.headers["x"] == nil)
    }

    /// Client and session over Foundation's stack: refresh, replay, bodies, redirects of our own.
    @Test func everythingWorksThroughURLSession() async throws {
        let transport = URLSessionTransport()
        let moved: JSON = ["match": ["path": "/old"], "respond": ["status": 302, "headers": ["Location": "/data"]]]
        let world = try await World(steps: [moved], transport: transport)
        let client = try Client(world.session, baseURL: world.server.url, transport: transport)
        let response = try await client.get("/old")
        #expect(response.status == 200)
        #expect(response.history.map(\.status) == [302])
        #expect(response.verdict == .accepted)
        let posted = try await client.post("/data", body: .json(["name": "Ada"]))
        #expect(posted.status == 200)
        #expect(try await world.server.log().last?["body"] == "{\"name\":\"Ada\"}")
        #expect(try await world.server.count("refreshes") == 1)
    }

    /// Gives out what it is told to; each answer's body is handed to the test.
    private struct Streaming: Transport {
        typealias Body = AsyncThrowingStream<Data, any Error>
        let opened: AsyncStream<Body.Continuation>.Continuation
        func send(_ request: TransportRequest) async throws -> TransportResponse {
            let (chunks, body) = Body.makeStream()
            opened.yield(body)
            return TransportResponse(status: 200, headers: [("content-type", "text/plain")], chunks: chunks)
        }
    }

    @Test func aTransportsBodyComesAsItIsReadAndIsLetGoOfWithTheResponse() async throws {
        let (bodies, opened) = AsyncStream.makeStream(of: Streaming.Body.Continuation.self)
        let world = try await World(expired: false)
        let client = try Client(world.session, baseURL: world.server.url, transport: Streaming(opened: opened))
        let response = try await client.stream("GET", "/data")
        let body = try #require(await bodies.first { _ in true })
        let ended = Count()
        body.onTermination = { _ in ended.up() }
        var pieces = response.chunks.makeAsyncIterator()
        for text in ["one", "two"] {
            body.yield(Data(text.utf8))
            #expect(try await pieces.next() == Data(text.utf8))
        }
        #expect(ended.value == 0)
        response.discard()
        #expect(try await eventually { ended.value == 1 })
    }

    @Test func aTransportsBodyThatBreaksOffIsAConnectionError() async throws {
        let (bodies, opened) = AsyncStream.makeStream(of: Streaming.Body.Continuation.self)
        let world = try await World(expired: false)
        let client = try Client(world.session, baseURL: world.server.url, transport: Streaming(opened: opened))
        let task = Task { try await client.get("/data") }
        let body = try #require(await bodies.first { _ in true })
        body.yield(Data("one".utf8))
        body.finish(throwing: TellTale())
        let error = await kind { try await task.value }
        #expect(error?.kind == .connection)
        #expect(error?.message.contains("TellTale") == true, "\(error?.message ?? "none")")
    }

    /// A request's body reaches the transport piece by piece, a whole one as one piece.
    @Test func aTransportReadsABodyAsItIsMade() async throws {
        struct Reading: Transport {
            let read: @Sendable (UInt64?, [String]) -> Void
            func send(_ request: TransportRequest) async throws -> TransportResponse {
                var pieces: [String] = []
                for try await piece in request.chunks { pieces.append(String(decoding: piece, as: UTF8.self)) }
                read(request.contentLength, pieces)
                return TransportResponse(status: 204)
            }
        }
        let (seen, tell) = AsyncStream.makeStream(of: (UInt64?, [String]).self)
        let world = try await World(expired: false)
        let transport = Reading { tell.yield(($0, $1)) }
        let client = try Client(world.session, baseURL: world.server.url, transport: transport)
        let made = AsyncStream(["one", "two"].map { Data($0.utf8) })
        let bodies: [(Body?, UInt64?, [String])] = [
            (.once(made, length: 6), 6, ["one", "two"]), (.text("whole"), 5, ["whole"]), (nil, 0, []),
        ]
        var all = seen.makeAsyncIterator()
        for (body, length, pieces) in bodies {
            #expect(try await client.post("/data", body: body).status == 204)
            let (told, read) = try #require(await all.next())
            #expect(told == length)
            #expect(read == pieces)
        }
    }

    /// The client's own, or what is left of it; a refresh's is the session's.
    @Test func aTransportIsToldHowLongItsCallerWaits() async throws {
        struct Listening: Transport {
            let hear: @Sendable (Duration?) -> Void
            func send(_ request: TransportRequest) async throws -> TransportResponse {
                hear(request.timeout)
                return TransportResponse(status: 200)
            }
        }
        let (seen, tell) = AsyncStream.makeStream(of: Duration?.self)
        let transport = Listening { tell.yield($0) }
        let world = try await World(expired: false, transport: transport)
        let client = try Client(
            world.session, baseURL: world.server.url, timeout: .seconds(40), transport: transport)
        _ = try await client.get("/data")
        _ = try await client.get("/data", timeout: .seconds(3600))
        #expect(await kind { try await world.session.refresh() } != nil)
        var all = seen.makeAsyncIterator()
        var told: [Duration] = []
        while told.count < 3, let timeout = await all.next() { told.append(timeout ?? .zero) }
        let (first, second, refresh) = (told[0], told[1], told[2])
        #expect(first > .zero && first <= .seconds(40), "\(first)")
        #expect(second > .seconds(40) && second <= .seconds(3600), "\(second)")
        #expect(refresh == .seconds(60))
    }

    @Test func aBodyComesAsItIsReadThroughURLSession() async throws {
        let slow: JSON = [
            "match": ["path": "/slow"], "respond": ["status": 200, "text": "abcdefgh"],
            "fault": ["slow": ["chunk_bytes": 4, "delay_ms": 300]],
        ]
        let world = try await World(steps: [slow], expired: false)
        let client = try Client(world.session, baseURL: world.server.url, transport: URLSessionTransport())
        var pieces: [String] = []
        for try await piece in try await client.stream("GET", "/slow").chunks {
            pieces.append(String(decoding: piece, as: UTF8.self))
        }
        #expect(pieces == ["abcd", "efgh"])
    }
}

extension AsyncStream where Element: Sendable {
    /// These, and no more.
    fileprivate init(_ elements: [Element]) {
        self.init { stream in
            for element in elements { stream.yield(element) }
            stream.finish()
        }
    }
}

private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0

    var value: Int { lock.withLock { count } }

    func add() { lock.withLock { count += 1 } }
}

@Suite(.serialized) struct RefreshFunctionTests {
    private func session(_ refresh: @escaping RefreshFunction) throws -> Session {
        try Session(
            tokenURL: "http://127.0.0.1:9/token", clientID: "app",
            credential: Credential(accessToken: "AT-1", refreshToken: "RT-1"), alone: true, refreshWith: refresh)
    }

    @Test func aRefreshFunctionGivesTheToken() async throws {
        let session = try session { spend in
            #expect(spend.refreshToken == "RT-1")
            return Credential(accessToken: "AT-2", refreshToken: "RT-2", expiresIn: .seconds(900))
        }
        #expect(try await session.refresh().value == "AT-2")
    }

    @Test func onlyLoginRequiredEndsTheSession() async throws {
        let failures: [(any Error, RekindleError.Kind, UInt64)] = [
            (RefreshFailure.loginRequired, .loginRequired, 1), (TellTale(), .refreshFailed, 0),
            (RefreshFailure.notSent(reason: "the server is down"), .refreshFailed, 0),
        ]
        for (failure, expected, lost) in failures {
            let session = try session { _ in throw failure }
            let error = await kind { try await session.refresh() }
            #expect(error?.kind == expected, "\(failure): \(error?.description ?? "none")")
            #expect(String(reflecting: error).contains("RT-1") == false)
            #expect(try await eventually { session.stats()["logins_required"] == lost })
        }
    }

    @Test func whatNobodyKnowsMayHaveSpentTheTokenAndIsTheUnderlyingError() async throws {
        let asked = Counter()
        let session = try session { _ in
            asked.add()
            throw TellTale()
        }
        let error = try #require(await kind { try await session.refresh() })
        #expect(asked.value == 2, "once more, as an unknown rotation allows")
        #expect(error.message.hasPrefix("the refresh function threw TellTale: "), "\(error)")
        #expect(error.underlyingError is TellTale)
    }

    @Test func aRefreshTokenWithoutAnAccessTokenIsKept() async throws {
        let asked = Counter()
        let session = try session { input in
            asked.add()
            if asked.value == 1 { return Credential(refreshToken: "RT-9") }
            #expect(input.refreshToken == "RT-9")
            return Credential(accessToken: "AT-9")
        }
        #expect(await kind { try await session.refresh() }?.kind == .clientRejected)
        #expect(try await session.forceRefresh().value == "AT-9")
    }
}
