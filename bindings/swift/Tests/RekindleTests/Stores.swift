import Foundation
import Rekindle
import TestSupport

/// A store in memory whose calls hang until a gate is opened.
final class GatedStore: Store, @unchecked Sendable {
    private let lock = NSLock()
    private var record: Data?
    private var version = 0
    private let loadGate: Gate?
    private let saveGate: Gate?

    init(load: Gate? = nil, save: Gate? = nil) {
        (loadGate, saveGate) = (load, save)
    }

    var text: String? { lock.withLock { record.map { String(decoding: $0, as: UTF8.self) } } }

    func load(key: String) async throws -> StoredRecord? {
        await loadGate?.pass()
        return lock.withLock { record.map { StoredRecord(record: $0, version: "\(version)") } }
    }

    func save(_ record: Data, key: String, expected: Expected) async throws -> String? {
        await saveGate?.pass()
        return lock.withLock {
            let fits =
                switch expected {
                case .anything: true
                case .absent: self.record == nil
                case .version(let version): self.record != nil && version == "\(self.version)"
                }
            guard fits else { return nil }
            self.record = record
            version += 1
            return "\(version)"
        }
    }
}

/// A store that does what the test says.
struct FailingStore: Store {
    let failure: @Sendable () async throws -> Void

    func load(key: String) async throws -> StoredRecord? {
        try await failure()
        return nil
    }

    func save(_ record: Data, key: String, expected: Expected) async throws -> String? {
        try await failure()
        return "1"
    }
}

/// An error whose text holds what must not be told.
struct TellTale: Error, CustomStringConvertible {
    var description: String { "the record was AT-1 RT-1" }
}
