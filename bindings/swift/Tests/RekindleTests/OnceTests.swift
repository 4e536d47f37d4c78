import Foundation
import Rekindle
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

private func misuse(_ call: () async throws -> some Any) async -> Bool {
    do {
        _ = try await call()
        return false
    } catch {
        return (error as? RekindleError)?.kind == .misuse
    }
}

private func pieces(_ texts: String...) -> AsyncStream<Data> {
    AsyncStream { stream in
        for text in texts { stream.yield(Data(text.utf8)) }
        stream.finish()
    }
}

private func read(_ response: Response) async throws -> String {
    var text = ""
    for try await piece in response.chunks { text += String(decoding: piece, as: UTF8.self) }
    return text
}

/// What can be read once is an error the second time, never an empty body. Spec 3.5.
@Suite(.serialized) struct OnceTests {
    private func streamed() async throws -> (World, Response) {
        let world = try await World(expired: false)
        return (world, try await world.client.stream("GET", "/data"))
    }

    @Test func aStreamThatWasNotReadHasNoDataYet() async throws {
        let (_, response) = try await streamed()
        #expect(await misuse { try response.data })
        #expect(await misuse { try response.text })
        #expect(await misuse { try response.json(JSON.self) })
        let whole = try await response.bytes()
        #expect(try !whole.isEmpty && response.data == whole && !response.text.isEmpty)
        #expect(try await response.bytes() == whole)
    }

    @Test func aStreamIsReadOnce() async throws {
        let (_, response) = try await streamed()
        #expect(try await !read(response).isEmpty)
        #expect(await misuse { try await read(response) })
        #expect(await misuse { try await response.bytes() })
        #expect(await misuse { try response.data })
    }

    /// An iterator that has reached the end says so again, as all do.
    @Test func theEndIsTheEndForWhoReachedIt() async throws {
        let (_, response) = try await streamed()
        var iterator = response.chunks.makeAsyncIterator()
        while try await iterator.next() != nil {}
        #expect(try await iterator.next() == nil)
    }

    @Test func aPartIsNotTakenForTheWhole() async throws {
        let (_, response) = try await streamed()
        var iterator = response.chunks.makeAsyncIterator()
        #expect(try await iterator.next() != nil)
        #expect(await misuse { try await response.bytes() })
        #expect(await misuse { try response.text })
    }

    @Test func aStreamThatWasGivenUpIsNotEmpty() async throws {
        let (_, response) = try await streamed()
        response.discard()
        #expect(await misuse { try await read(response) })
        #expect(await misuse { try await response.bytes() })
        #expect(await misuse { try response.data })
    }

    @Test func aBodyThatWasReadWholeStaysAndHasNoChunks() async throws {
        let world = try await World(expired: false)
        let response = try await world.client.get("/data")
        #expect(await misuse { try await read(response) })
        response.discard()
        #expect(try !response.data.isEmpty)
    }

    /// What was read for a task that is cancelled at that moment is there for the next reader.
    @Test func aCancelledReaderLosesNothing() async throws {
        let (bodies, opened) = AsyncStream.makeStream(of: AsyncStream<Data>.Continuation.self)
        let world = try await World(expired: false)
        let client = try Client(world.session, baseURL: world.server.url, transport: Handing(opened: opened))
        let response = try await client.stream("GET", "/data")
        let body = try #require(await bodies.first { _ in true })
        let rounds = 200
        var text = ""
        for round in 0..<rounds {
            let reader = Task { try await response.chunks.first { _ in true } }
            let writer = Task.detached { _ = body.yield(Data("\(round),".utf8)) }
            reader.cancel()
            await writer.value
            if let read = try? await reader.value { text += String(decoding: read, as: UTF8.self) }
        }
        body.finish()
        text += try await read(response)
        #expect(text == (0..<rounds).map { "\($0)," }.joined())
    }

    @Test func aBodyThatWasSentIsNotSentEmpty() async throws {
        let world = try await World(expired: false)
        let body = Body.once(pieces("all of it"))
        #expect(try await world.client.post("/data", body: body).status == 200)
        #expect(await misuse { try await world.client.post("/data", body: body) })
        #expect(try await world.server.log().count == 1)
    }

    @Test func aURLRequestsStreamIsNotSentEmpty() async throws {
        let world = try await World(expired: false)
        var request = URLRequest(url: URL(string: "\(world.server.url)/data")!)
        request.httpMethod = "POST"
        request.httpBodyStream = InputStream(data: Data("all of it".utf8))
        let again = request
        #expect(try await world.client.data(for: request).1.statusCode == 200)
        #expect(await misuse { try await world.client.data(for: again) })
        #expect(try await world.server.log().map { $0["body"] } == ["all of it"])
    }

    /// A transport that reads a request's body twice sends no half of it.
    @Test func aTransportReadsABodyOnce() async throws {
        let told = Told()
        let world = try await World(expired: false)
        let client = try Client(
            world.session, baseURL: world.server.url, maxSends: 1,
            transport: Twice { told.told = $0 })
        await #expect(throws: RekindleError.self) { try await client.post("/data", body: .once(pieces("all"))) }
        #expect(told.told == "all")
        #expect(try await client.post("/data", body: .text("all")).status == 204)
    }

    /// A transport that gives the same answer twice does not give an empty one.
    @Test func aTransportsAnswerIsReadOnce() async throws {
        let world = try await World(expired: false)
        let answer = TransportResponse(status: 200, chunks: pieces("all of it"))
        let client = try Client(
            world.session, baseURL: world.server.url, maxSends: 1, transport: Same(answer: answer))
        #expect(try await client.get("/data").text == "all of it")
        await #expect(throws: RekindleError.self) { try await client.get("/data") }
    }
}

private final class Told: @unchecked Sendable {
    private let lock = NSLock()
    private var text = ""
    var told: String {
        get { lock.withLock { text } }
        set { lock.withLock { text = newValue } }
    }
}

private struct Handing: Transport {
    let opened: AsyncStream<AsyncStream<Data>.Continuation>.Continuation
    func send(_ request: TransportRequest) async throws -> TransportResponse {
        let (chunks, body) = AsyncStream.makeStream(of: Data.self)
        opened.yield(body)
        return TransportResponse(status: 200, headers: [("content-type", "text/plain")], chunks: chunks)
    }
}

private struct Twice: Transport {
    let first: @Sendable (String) -> Void
    func send(_ request: TransportRequest) async throws -> TransportResponse {
        first(String(decoding: try await request.body() ?? Data(), as: UTF8.self))
        let again = String(decoding: try await request.body() ?? Data(), as: UTF8.self)
        return TransportResponse(status: again == "all" ? 204 : 500)
    }
}

private struct Same: Transport {
    let answer: TransportResponse
    func send(_ request: TransportRequest) async throws -> TransportResponse { answer }
}
