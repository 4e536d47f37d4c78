import Foundation
internal import RekindleFFI

/// Where credentials are kept.
public enum StoreChoice: Sendable {
    /// This process's memory.
    case memory
    /// A file (mode 0600) that processes on one machine can share. Writes are durable.
    case file(_ path: String)
    /// A folder with a file like that of ``file(_:)`` for each key of an ``App``.
    case folder(_ path: String)
    /// A store of your own, such as a keychain or a database.
    case custom(any Store)
}

/// A store of your own. It keeps one record for each key: each session of an ``App`` has a key of its own; the key of a single
/// ``Session`` is `default`. An error means that the store is unavailable, never that there is no record; only the reason of
/// ``StoreUnavailable`` is included in messages. A call that takes more than five seconds also counts as unavailable, but a
/// save in progress still runs to its end.
public protocol Store: Sendable {
    /// Identifies the records, without the key: two stores of the same identity hold the same records. `nil`: not shared.
    var identity: String? { get }
    /// Whether other processes use the store too.
    var isShared: Bool { get }

    /// Whether ``changed(key:)`` is implemented.
    var wakes: Bool { get }

    /// Returns the record of this key with its version; `nil` only if there certainly is none.
    func load(key: String) async throws -> StoredRecord?
    /// Atomically replaces the record of this key if it is still the expected one. Returns the new version; `nil` if it was not.
    func save(_ record: Data, key: String, expected: Expected) async throws -> String?

    /// Registers a lease owner, so that ``owner(key:owner:)`` can report when its process has ended.
    func announce(owner: String, key: String) async throws
    /// Removes a lease owner.
    func retire(owner: String, key: String) async throws
    /// Whether a lease owner's process is still running.
    func state(ofOwner owner: String, key: String) async throws -> Owner

    /// Returns when the record of this key may have changed; called while callers wait for another process's refresh, if
    /// ``wakes`` is true. Its task is cancelled when no caller waits any more.
    func changed(key: String) async throws
    /// The time of the store's own clock, if it has one.
    func now() async throws -> Date?
}

extension Store {
    /// `nil`: sessions share no state.
    public var identity: String? { nil }
    /// `true`: a lease is taken before each refresh.
    public var isShared: Bool { true }
    /// `false`: waiting callers poll.
    public var wakes: Bool { false }
    /// Does nothing.
    public func announce(owner: String, key: String) async throws {}
    /// Does nothing.
    public func retire(owner: String, key: String) async throws {}
    /// Not known.
    public func state(ofOwner owner: String, key: String) async throws -> Owner { .unknown }
    /// Does nothing.
    public func changed(key: String) async throws {}
    /// `nil`.
    public func now() async throws -> Date? { nil }
}

/// A record and its version. Equal versions mean equal records.
public struct StoredRecord: Sendable {
    /// The record, opaque to the store. It contains tokens.
    public let record: Data
    /// The version.
    public let version: String

    /// Creates a record of this version.
    public init(record: Data, version: String) {
        self.record = record
        self.version = version
    }
}

extension StoredRecord: CustomStringConvertible, CustomReflectable {
    /// Omits the record.
    public var description: String { "StoredRecord(<\(record.count) bytes>, version: \(version))" }
    /// Empty, so that `dump` does not show the record.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// What a save may replace.
public enum Expected: Sendable, Hashable {
    /// There is no record.
    case absent
    /// The record of this version.
    case version(String)
    /// Any record or none: a sign-in or sign-out replaces everything.
    case anything
}

/// Whether the process of a lease's owner is running.
public enum Owner: Sendable, Hashable {
    /// It is running.
    case alive
    /// It has certainly ended.
    case dead
    /// Not known.
    case unknown
}

/// The error for a ``Store`` that cannot be read or written now.
public struct StoreUnavailable: Error, Sendable, CustomStringConvertible {
    /// Why. Included in errors, so it must contain no secrets.
    public let reason: String

    /// Creates the error with this reason.
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

/// Distinguishes stores of the same identity. Never 0; each store that is not an object counts as a store of its own.
private enum Instance {
    private static let lock = NSLock()
    nonisolated(unsafe) private static var values: UInt64 = 0

    static func of(_ store: any Store) -> UInt64 {
        if type(of: store) is AnyClass {
            return UInt64(UInt(bitPattern: ObjectIdentifier(store as AnyObject)))
        }
        // Odd, unlike any object's address.
        return lock.withLock {
            values += 2
            return values - 1
        }
    }
}

/// A user's store, as the engine uses it.
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
            // Another error's message could contain the record.
            throw StoreFailure.Unavailable(reason: "the store threw \(type(of: error))")
        }
    }
}
