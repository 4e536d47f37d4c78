import Foundation
import Rekindle
import Testing

/// Many users: ``App``.
@Suite struct AppTests {
    private func app(
        _ store: StoreChoice = .memory, idleSessions: Int = 10_000,
        onEvent: (@Sendable (String, Event) -> Void)? = nil
    ) throws -> App {
        try App(
            tokenURL: "http://127.0.0.1:1/token", clientID: "app", store: store, idleSessions: idleSessions,
            onEvent: onEvent)
    }

    private func tokens(_ user: String) -> Credential {
        Credential(accessToken: "AT-\(user)", refreshToken: "RT-\(user)")
    }

    // spec 4.11, 7.1
    @Test func eachKeyIsAUser() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        for store in [.memory, .folder(folder.path), .custom(Records())] as [StoreChoice] {
            let app = try app(store)
            for user in ["ada", "bob"] { try await app.session(user).signIn(tokens(user)) }
            for user in ["ada", "bob"] {
                #expect(try await app.session(user).token().value == "AT-\(user)")
            }
            try await app.session("ada").signOut()
            await #expect(throws: RekindleError.self) { try await app.session("ada").token() }
            #expect(try await app.session("bob").token().value == "AT-bob")
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(files.filter { $0.hasSuffix(".json") }.sorted() == ["ada.json", "bob.json"])
    }

    // spec 4.11
    @Test func itIsTheSameSessionForTheSameKey() throws {
        let app = try app()
        let ada = try app.session("ada")
        #expect(try app.session("ada") === ada)
        #expect(try app.session("ada", credential: tokens("ada")) === ada)
        #expect(try app.session("bob") !== ada)
    }

    // spec 4.11
    @Test func idleSessionsAreLetGoOfAndComeBackFromTheStore() async throws {
        let app = try app(idleSessions: 10)
        for number in 0..<50 { try await app.session("user-\(number)").signIn(tokens("user-\(number)")) }
        #expect(try await app.shutdown())
        for number in 0..<50 {
            #expect(try await app.session("user-\(number)").token().value == "AT-user-\(number)")
        }
        #expect(app.stats()["sign_ins"] == 50)
    }

    // spec 4.2, 7.5
    @Test func noUserGetsAnothersToken() async throws {
        let app = try app(.custom(Records(keyed: false)))
        try await app.session("ada").signIn(tokens("ada"))
        do {
            _ = try await app.session("bob").token()
            Issue.record("no error")
        } catch let error as RekindleError {
            #expect(error.message.contains("returned the record of `ada`"))
        }
    }

    @Test func whatMakesNoSenseIsTold() throws {
        for key in ["", "a\nb", String(repeating: "x", count: 1025)] {
            #expect(throws: RekindleError.self) { try app().session(key) }
        }
        #expect(throws: RekindleError.self) { try app(.file("/tmp/rekindle-one-record.json")).session("ada") }
    }
}

/// What a user might write.
private actor Records: Store {
    private let keyed: Bool
    private var records: [String: (record: Data, version: Int)] = [:]

    init(keyed: Bool = true) {
        self.keyed = keyed
    }

    func load(key: String) async throws -> StoredRecord? {
        records[keyed ? key : ""].map { StoredRecord(record: $0.record, version: "\($0.version)") }
    }

    func save(_ record: Data, key: String, expected: Expected) async throws -> String? {
        let key = keyed ? key : ""
        let known = records[key]
        let fits =
            switch expected {
            case .anything: true
            case .absent: known == nil
            case .version(let version): known.map { "\($0.version)" } == version
            }
        guard fits else { return nil }
        let version = (known?.version ?? 0) + 1
        records[key] = (record, version)
        return "\(version)"
    }
}
