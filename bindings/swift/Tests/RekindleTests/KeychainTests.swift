import Foundation
import Rekindle
import TestSupport
import Testing

/// A keychain that can be locked. That `SecItem..` behaves so can only be seen on Apple's systems.
private final class FakeItem: KeychainItem, @unchecked Sendable {
    private let lock = NSLock()
    private var item: StoredRecord?
    var isLocked = false
    let identity = "fake"

    func read() throws -> StoredRecord? {
        try opened { item }
    }

    func add(_ new: StoredRecord) throws -> Bool {
        try opened {
            guard item == nil else { return false }
            item = new
            return true
        }
    }

    func replace(version: String, by new: StoredRecord) throws -> Bool {
        try opened {
            guard item?.version == version else { return false }
            item = new
            return true
        }
    }

    private func opened<T>(_ call: () -> T) throws -> T {
        try lock.withLock {
            if isLocked { throw StoreUnavailable("the keychain is locked until the first unlock") }
            return call()
        }
    }
}

@Suite(.serialized) struct KeychainTests {
    @Test func aSaveReplacesOnlyWhatWasExpected() async throws {
        let store = KeychainStore(FakeItem())
        #expect(try await store.load(key: "default") == nil)
        #expect(try await store.save(Data("a".utf8), key: "default", expected: .version("1")) == nil)
        let first = try #require(try await store.save(Data("a".utf8), key: "default", expected: .absent))
        #expect(try await store.save(Data("b".utf8), key: "default", expected: .absent) == nil)
        let second = try #require(try await store.save(Data("b".utf8), key: "default", expected: .version(first)))
        #expect(try await store.save(Data("c".utf8), key: "default", expected: .version(first)) == nil)
        #expect(try await store.load(key: "default")?.version == second)
        #expect(try await store.save(Data("d".utf8), key: "default", expected: .anything) != nil)
        #expect(try await store.load(key: "default")?.record == Data("d".utf8))
    }

    /// Spec 7.1: a locked keychain is unavailable, never empty: the session stays signed in.
    @Test func aLockedKeychainSignsNobodyOut() async throws {
        let item = FakeItem()
        let world = try await World(store: .custom(KeychainStore(item)))
        #expect(try await world.client.get("/data").status == 200)
        item.isLocked = true
        let later = try Session(
            dialect: "json", tokenURL: "\(world.server.url)/refresh", store: .custom(KeychainStore(item)), alone: true)
        do {
            _ = try await later.token()
            Issue.record("a token out of a locked keychain")
        } catch let error as RekindleError {
            #expect(error.kind == .storeUnavailable && error.retryable && error.message.contains("locked"))
        }
        item.isLocked = false
        #expect(try await eventually { (try? await later.token()) != nil })
        #expect(later.stats()["logins_required"] == 0)
    }
}
