import Foundation
internal import RekindleFFI

/// Where credentials are kept.
public enum StoreChoice: Sendable {
    /// This process' memory.
    case memory
    /// A file that all processes of one machine share, mode 0600; a killed process loses nothing.
    case file(_ path: String)
    /// A folder with a file for each key of an ``App``, as ``file(_:)``.
    case folder(_ path: String)
    /// A store of your own: a keychain, a database.
    case custom(any Store)
}

/// A store of your own. It keeps a record for each key: each session of an ``App`` has one of its own, that of a
/// ``Session`` alone is `default`. What it throws counts as "cannot tell now", never as "there is no record"; of its errors only
/// ``StoreUnavailable`` is quoted. A call that takes more than five seconds counts as unavailable too, and a save that
/// has begun goes on to its end.
public protocol Store: Sendable {
    /// Two stores of one identity hold the same records. Without the key; `nil`: it is shared with nobody.
    var identity: String? { get }
    /// Whether other processes use it too.
    var isShared: Bool { get }

    /// Whether there is a wake-up: ``changed(key:)``.
    var wakes: Bool { get }

    /// The record of that key and its version; `nil` only if there certainly is none.
    func load(key: String) async throws -> StoredRecord?
    /// Replaces the record of that key if it is still what was expected, in one step. The new version, or `nil`: it was not.
    func save(_ record: Data, key: String, expected: Expected) async throws -> String?

    /// From now on this owner of a lease lives; its death can be told.
    func announce(owner: String, key: String) async throws
    /// The owner is done.
    func retire(owner: String, key: String) async throws
    /// Whether it lives.
    func state(ofOwner owner: String, key: String) async throws -> Owner

    /// Returns when the record of that key may have changed: a wake-up for those who wait for another process' refresh.
    /// Its task is cancelled when nobody waits any more. Asked only where ``wakes`` says so.
    func changed(key: String) async throws
    /// The store's own clock, if it has one.
    func now() async throws -> Date?
}

extension Store {
    /// None: sessions share no state.
    public var identity: String? { nil }
    /// Yes: a lease is taken before each refresh.
    public var isShared: Bool { true }
    /// There is none: who waits polls.
    public var wakes: Bool { false }
    /// Tells nobody.
    public func announce(owner: String, key: String) async throws {}
    /// Tells nobody.
    public func retire(owner: String, key: String) async throws {}
    /// Nobody can tell.
    public func state(ofOwner owner: String, key: String) async throws -> Owner { .unknown }
    /// There is none.
    public func changed(key: String) async throws {}
    /// It has none.
    public func now() async throws -> Date? { nil }
}

/// A record, opaque to the store, and its version: equal versions mean equal records.
public struct StoredRecord: Sendable {
    /// The record. It holds tokens.
    public let record: Data
    /// The version.
    public let version: String

    /// A record of that version.
    public init(record: Data, version: String) {
        self.record = record
        self.version = version
    }
}

extension StoredRecord: CustomStringConvertible, CustomReflectable {
    /// Without the record.
    public var description: String { "StoredRecord(<\(record.count) bytes>, version: \(version))" }
    /// Nothing: `dump` would show the record.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// What a save may replace.
public enum Expected: Sendable, Hashable {
    /// There is no record.
    case absent
    /// The record of this version.
    case version(String)
    /// Whatever is there: a sign-in, a sign-out.
    case anything
}

/// Whether the owner of a lease lives.
public enum Owner: Sendable, Hashable {
    /// It does.
    case alive
    /// It is gone, for sure.
    case dead
    /// Nobody can tell.
    case unknown
}

/// What a ``Store`` throws where it cannot tell now.
public struct StoreUnavailable: Error, Sendable, CustomStringConvertible {
    /// Why. It goes into errors: no secrets.
    public let reason: String

    /// For this reason.
    public init(_ reason: String) {
        self.reason = reason
    }

    /// The reason.
    public var description: String { reason }
}

extension StoreChoice {
    func native(of owner: Inside.Owner) -> RekindleFFI.StoreChoice {
        switch self {
        case .memory: .memory
        case .file(let path): .file(path: path)
        case .folder(let path): .folder(path: path)
        case .custom(let store):
            .host(
                store: HostStore(store, owner), identity: store.identity, shared: store.isShared,
                instance: Instance.of(store), wakes: store.wakes)
        }
    }
}

/// Tells objects apart that claim one identity. Nobody's is 0, and each value that is no object is one of its own.
private enum Instance {
    private static let lock = NSLock()
    nonisolated(unsafe) private static var values: UInt64 = 0

    static func of(_ store: any Store) -> UInt64 {
        if type(of: store) is AnyClass {
            return UInt64(UInt(bitPattern: ObjectIdentifier(store as AnyObject)))
        }
        // Odd, as no object's place is.
        return lock.withLock {
            values += 2
            return values - 1
        }
    }
}

/// A store of the user's, as the engine wants it.
private final class HostStore: RekindleFFI.Store {
    private let store: any Store
    private let owner: Inside.Owner

    init(_ store: any Store, _ owner: Inside.Owner) {
        self.store = store
        self.owner = owner
    }

    func load(key: String) async throws -> Loaded {
        try await asked { store in
            guard let found = try await store.load(key: key) else { return .absent }
            return .present(record: found.record, version: found.version)
        }
    }

    func save(key: String, record: Data, expected: RekindleFFI.Expected) async throws -> Saved {
        let expected: Expected =
            switch expected {
            case .absent: .absent
            case .version(let version): .version(version)
            case .anything: .anything
            }
        return try await asked { store in
            try await store.save(record, key: key, expected: expected).map { .done(version: $0) } ?? .conflict
        }
    }

    func announce(key: String, owner: String) async throws {
        try await asked { try await $0.announce(owner: owner, key: key) }
    }

    func retire(key: String, owner: String) async throws {
        try await asked { try await $0.retire(owner: owner, key: key) }
    }

    func changed(key: String) async throws {
        try await asked { try await $0.changed(key: key) }
    }

    func now() async throws -> Date? {
        try await asked { try await $0.now() }
    }

    func owner(key: String, owner: String) async throws -> RekindleFFI.Owner {
        try await asked { store in
            switch try await store.state(ofOwner: owner, key: key) {
            case .alive: .alive
            case .dead: .dead
            case .unknown: .unknown
            }
        }
    }

    private func asked<T: Sendable>(_ call: @Sendable (any Store) async throws -> T) async throws -> T {
        do {
            return try await Inside.$owner.withValue(owner) { try await call(store) }
        } catch let told as StoreUnavailable {
            throw StoreFailure.Unavailable(reason: told.reason)
        } catch let told as RekindleError {
            throw StoreFailure.Unavailable(reason: told.message)
        } catch {
            // Another's text could quote the record.
            throw StoreFailure.Unavailable(reason: "the store threw \(type(of: error))")
        }
    }
}
