import Foundation

/// One item of a keychain, as ``KeychainStore`` uses it. On Apple's systems that is `SystemKeychain`.
///
/// Each operation is atomic across processes, so that a save is a compare-and-save.
public protocol KeychainItem: Sendable {
    /// The item; `nil` only if there certainly is none.
    func read() throws -> StoredRecord?
    /// Adds the item; returns `false` if there is one already.
    func add(_ item: StoredRecord) throws -> Bool
    /// Replaces the item if it has this version; otherwise returns `false`.
    func replace(version: String, by item: StoredRecord) throws -> Bool
    /// Identifies the item: two values with the same identity are the same item.
    var identity: String { get }
}

/// Keeps the credential in a keychain. A locked keychain counts as unavailable, never as empty, so a session stays signed in
/// while the device has not been unlocked yet.
///
/// ```swift
/// let session = try Session(.., store: .custom(KeychainStore(service: "com.example.app", accessGroup: "TEAM.group")))
/// ```
public struct KeychainStore: Store {
    private let item: @Sendable (_ key: String) -> any KeychainItem

    /// Uses this item, for one session.
    public init(_ item: any KeychainItem) {
        self.item = { _ in item }
    }

    /// Uses an item for each key, for the sessions of an ``App``.
    public init(items: @escaping @Sendable (_ key: String) -> any KeychainItem) {
        item = items
    }

    /// The identity of a single session's item.
    public var identity: String? { item("default").identity }

    /// The record and its version.
    public func load(key: String) async throws -> StoredRecord? {
        try item(key).read()
    }

    /// Replaces the record if it is still the expected one.
    public func save(_ record: Data, key: String, expected: Expected) async throws -> String? {
        let (item, new) = (item(key), StoredRecord(record: record, version: UUID().uuidString))
        let saved =
            switch expected {
            case .absent: try item.add(new)
            case .version(let version): try item.replace(version: version, by: new)
            case .anything: try overwrite(item, by: new)
            }
        return saved ? new.version : nil
    }

    /// Replaces any record. Other processes may write between the steps, so it is retried a few times.
    private func overwrite(_ item: any KeychainItem, by new: StoredRecord) throws -> Bool {
        for _ in 0..<8 {
            let saved =
                if let old = try item.read() {
                    try item.replace(version: old.version, by: new)
                } else {
                    try item.add(new)
                }
            if saved { return true }
        }
        throw StoreUnavailable("the keychain item is being written by others all the time")
    }
}

#if canImport(Security)
    internal import Security

    extension KeychainStore {
        /// A store in the system's keychain.
        ///
        /// - Parameters:
        ///   - service: The item's service; the app's identifier is usual.
        ///   - account: The item's account. For the sessions of an ``App``, the key is appended.
        ///   - accessGroup: The access group that the app and its extensions share.
        public init(service: String, account: String = "rekindle", accessGroup: String? = nil) {
            self.init(items: { key in
                let account = key == "default" ? account : "\(account) \(key)"
                return SystemKeychain(service: service, account: account, accessGroup: accessGroup)
            })
        }
    }

    /// A generic password in the system's keychain, only on this device, and accessible after the first unlock, because a
    /// refresh in the background must be able to save.
    public struct SystemKeychain: KeychainItem {
        private let service: String
        private let account: String
        private let accessGroup: String?

        /// The item of these attributes.
        public init(service: String, account: String, accessGroup: String?) {
            self.service = service
            self.account = account
            self.accessGroup = accessGroup
        }

        /// The item's service, account and group.
        public var identity: String { "keychain \(accessGroup ?? "") \(service) \(account)" }

        /// The item.
        public func read() throws -> StoredRecord? {
            var query = self.query
            query[kSecReturnData as String] = true
            query[kSecReturnAttributes as String] = true
            query[kSecMatchLimit as String] = kSecMatchLimitOne
            var found: CFTypeRef?
            guard try done(SecItemCopyMatching(query as CFDictionary, &found), unless: errSecItemNotFound) else {
                return nil
            }
            guard let item = found as? [String: Any], let record = item[kSecValueData as String] as? Data,
                let version = item[kSecAttrGeneric as String] as? Data
            else { throw StoreUnavailable("the keychain item is not one that rekindle wrote") }
            return StoredRecord(record: record, version: String(decoding: version, as: UTF8.self))
        }

        /// Adds the item. Service, account and group are unique in a keychain.
        public func add(_ item: StoredRecord) throws -> Bool {
            var query = self.query
            query.merge(attributes(item)) { $1 }
            query[kSecAttrAccessible as String] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
            return try done(SecItemAdd(query as CFDictionary, nil), unless: errSecDuplicateItem)
        }

        /// Replaces the item. The version is part of the query.
        public func replace(version: String, by item: StoredRecord) throws -> Bool {
            var query = self.query
            query[kSecAttrGeneric as String] = Data(version.utf8)
            let update = attributes(item) as CFDictionary
            return try done(SecItemUpdate(query as CFDictionary, update), unless: errSecItemNotFound)
        }

        private var query: [String: Any] {
            var query: [String: Any] = [
                kSecClass as String: kSecClassGenericPassword,
                kSecAttrService as String: service,
                kSecAttrAccount as String: account,
                kSecUseDataProtectionKeychain as String: true,
            ]
            query[kSecAttrAccessGroup as String] = accessGroup
            return query
        }

        private func attributes(_ item: StoredRecord) -> [String: Any] {
            [kSecValueData as String: item.record, kSecAttrGeneric as String: Data(item.version.utf8)]
        }

        private func done(_ status: OSStatus, unless expected: OSStatus) throws -> Bool {
            switch status {
            case errSecSuccess: return true
            case expected: return false
            case errSecInteractionNotAllowed: throw StoreUnavailable("the keychain is locked until the first unlock")
            default: throw StoreUnavailable("the keychain answered \(status)")
            }
        }
    }
#endif
