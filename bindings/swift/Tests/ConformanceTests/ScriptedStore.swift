import Foundation
import Rekindle
import TestSupport

/// Whether the process that a session stands for still lives.
final class Life: @unchecked Sendable {
    private let lock = NSLock()
    private var ended = false

    func end() { lock.withLock { ended = true } }
    var hasEnded: Bool { lock.withLock { ended } }
}

/// One record that all sessions of a case share; it fails on demand.
final class SharedRecord: @unchecked Sendable {
    fileprivate let lock = NSLock()
    fileprivate var record: Data?
    fileprivate var saves = 0
    fileprivate var load = "works"
    fileprivate var save = "works"
    fileprivate var owners: [String: Life] = [:]

    var text: String? { lock.withLock { record.map { String(decoding: $0, as: UTF8.self) } } }

    func set(load: String?, save: String?) {
        lock.withLock {
            self.load = load ?? self.load
            self.save = save ?? self.save
        }
    }

    func damage(_ how: String) {
        lock.withLock {
            record = record.flatMap { damaged($0, how) }
            saves += 1
        }
    }
}

/// As one process sees it.
struct ScriptedStore: Store {
    let shared: SharedRecord
    let life: Life

    var identity: String? { "scripted \(ObjectIdentifier(shared))" }

    func load(key: String) async throws -> StoredRecord? {
        try shared.lock.withLock {
            if shared.load != "works" || life.hasEnded { throw StoreUnavailable("as scripted") }
            return shared.record.map { StoredRecord(record: $0, version: "\(shared.saves)") }
        }
    }

    func save(_ record: Data, key: String, expected: Expected) async throws -> String? {
        try shared.lock.withLock {
            if shared.save == "unavailable" || life.hasEnded { throw StoreUnavailable("as scripted") }
            let fits =
                switch expected {
                case .anything: true
                case .absent: shared.record == nil
                case .version(let version): shared.record != nil && version == "\(shared.saves)"
                }
            guard fits else { return nil }
            shared.record = record
            shared.saves += 1
            if shared.save == "lands" { throw StoreUnavailable("as scripted, though it has landed") }
            return "\(shared.saves)"
        }
    }

    func announce(owner: String, key: String) async throws {
        shared.lock.withLock { shared.owners[owner] = life }
    }

    func state(ofOwner owner: String, key: String) async throws -> Owner {
        shared.lock.withLock {
            guard let life = shared.owners[owner] else { return .unknown }
            return life.hasEnded ? .dead : .alive
        }
    }
}

/// Does to a file what happens to files.
func damageFile(_ file: URL, _ how: String) throws {
    if let record = damaged(try Data(contentsOf: file), how) {
        try record.write(to: file)
    } else {
        try FileManager.default.removeItem(at: file)
    }
}

private func damaged(_ record: Data, _ how: String) -> Data? {
    switch how {
    case "remove": nil
    case "empty": Data()
    case "truncate": record.prefix(record.count / 2)
    case "garbage": Data(repeating: UInt8(ascii: "#"), count: record.count)
    case "trailing": record + Data("}trailing".utf8)
    default: fatalError("there is no damage \(how)")
    }
}
