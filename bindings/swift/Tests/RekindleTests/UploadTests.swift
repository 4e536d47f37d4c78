import Foundation
import Rekindle
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// 20 MB, turned away while they still come: they arrive whole at the second send, or are not sent again (spec 11.1).
@Suite(.serialized) struct UploadTests {
    private let server: TestServer
    private let session: Session
    private let path = "/__upload?token=AT-2"
    private static let content: Data = {
        let block = Data((0..<251).map { UInt8($0) })
        var all = Data(capacity: length + block.count)
        while all.count < length { all.append(block) }
        return Data(all.prefix(length))
    }()
    private static let length = 20 * 1024 * 1024

    init() async throws {
        server = try await TestServer.start()
        try await server.script([
            ["match": ["path": "/token"], "respond": ["json": ["access_token": "AT-2", "expires_in": 900]]]
        ])
        session = try Session(
            tokenURL: server.url + "/token", clientID: "app",
            credential: Credential(accessToken: "AT-1", refreshToken: "RT-1"), origins: [server.url], alone: true)
    }

    private func file() throws -> URL {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("rekindle-\(UUID())")
        try Self.content.write(to: file)
        return file
    }

    private func isWhole(_ told: Data, hasLength: Bool = true) throws -> Bool {
        let told = try JSON(String(decoding: told, as: UTF8.self))
        return told["length"]?.int == Self.content.count && told["fnv"]?.string == Self.sum
            && told["content_length"]?.bool == hasLength
    }

    /// FNV-1a of it, 64 bits. Counted beforehand: a test that counts keeps others from a thread for long.
    private static let sum = "8101af380d7d93a5"

    @Test func aFileOfTheClientsArrivesWhole() async throws {
        let file = try file()
        defer { try? FileManager.default.removeItem(at: file) }
        let response = try await Client(session, baseURL: server.url).put(path, body: .file(file))
        #expect(try response.status == 200 && isWhole(response.data))
    }

    @Test func bytesOfTheClientsArriveWhole() async throws {
        let response = try await Client(session, baseURL: server.url).put(path, body: .data(Self.content))
        #expect(try response.status == 200 && isWhole(response.data))
    }

    @Test func whatIsOpenedAnewArrivesWhole() async throws {
        let body = Body.opened { Pieces(Self.content) }
        let response = try await Client(session, baseURL: server.url).put(path, body: body)
        #expect(try response.status == 200 && isWhole(response.data, hasLength: false))
    }

    @Test func whatComesOnceIsNotSentAgainAndItsAnswerSaysWhy() async throws {
        let response = try await Client(session, baseURL: server.url).put(path, body: .once(Pieces(Self.content)))
        #expect(response.status == 401 && response.replayRefused == "body_not_replayable")
    }

    @Test func throughURLSessionAsTheTransportBytesArriveWhole() async throws {
        let transport = URLSessionTransport(URLSession(configuration: .ephemeral))
        let client = try Client(session, baseURL: server.url, transport: transport)
        let response = try await client.put(path, body: .data(Self.content))
        #expect(try response.status == 200 && isWhole(response.data))
    }

    @Test func aFileThroughAURLSessionOfOnesOwnArrivesWhole() async throws {
        let file = try file()
        defer { try? FileManager.default.removeItem(at: file) }
        let (told, response) = try await urls().upload(for: request(), fromFile: file)
        #expect(try response.statusCode == 200 && isWhole(told))
    }

    @Test func bytesThroughAURLSessionOfOnesOwnArriveWhole() async throws {
        let (told, response) = try await urls().upload(for: request(), from: Self.content)
        #expect(try response.statusCode == 200 && isWhole(told))
    }

    @Test func aStreamThroughAURLSessionOfOnesOwnIsNotSentAgain() async throws {
        var request = request()
        request.httpBodyStream = InputStream(data: Self.content)
        let asked = request
        let answer = try await urls().send(asked)
        #expect(answer.response.statusCode == 401 && answer.judged?.replayRefused == "body_not_replayable")
    }

    private func urls() throws -> AuthenticatedURLSession {
        try AuthenticatedURLSession(session, URLSession(configuration: .ephemeral))
    }

    private func request() -> URLRequest {
        var request = URLRequest(url: URL(string: server.url + path)!)
        request.httpMethod = "PUT"
        return request
    }
}

/// In 64 KiB each.
private struct Pieces: AsyncSequence, AsyncIteratorProtocol {
    private var left: Data

    init(_ all: Data) {
        left = all
    }

    func makeAsyncIterator() -> Pieces { self }

    mutating func next() async throws -> Data? {
        guard !left.isEmpty else { return nil }
        defer { left = left.dropFirst(65_536) }
        return Data(left.prefix(65_536))
    }
}
