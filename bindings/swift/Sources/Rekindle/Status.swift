import Foundation
internal import RekindleFFI

/// A snapshot of a session, without secrets.
public struct Status: Sendable, Hashable {
    /// The state of a session.
    public enum Standing: Sendable, Hashable {
        /// The store has not been read yet.
        case unread
        /// A token can be served or refreshed.
        case active
        /// The user must sign in: `rejected`, `reuse_detected`, ..
        case loginRequired(reason: String)
        /// There is no credential.
        case signedOut
    }

    /// The lease of the refresh in progress, of this or another process that shares the store.
    public struct Lease: Sendable, Hashable {
        /// A short identifier of the lease's owner.
        public let owner: String
        /// How long the lease lasts from now on.
        public let left: Duration
    }

    /// What a refresh is waiting for.
    public struct Waiting: Sendable, Hashable {
        /// `token_endpoint`, `next_try`, `store`, `others_lease`, `others_refresh`, `vanished_owner` or `too_soon`.
        public let name: String
        /// The longest possible wait, if that is known.
        public let atMost: Duration?
    }

    /// The state.
    public let standing: Standing
    /// A short identifier of the sign-in.
    public let lineage: String?
    /// The generation of the access token.
    public let generation: UInt64?
    /// When the access token expires, if that is known.
    public let expiresAt: Date?
    /// Whether the access token is valid now.
    public let valid: Bool
    /// Whether there is a refresh token.
    public let refreshable: Bool
    /// When the refresh token expires, if that is known.
    public let refreshTokenExpiresAt: Date?
    /// When the last refresh succeeded.
    public let refreshedAt: Date?
    /// After failures, how long until the next refresh is tried.
    public let backoff: Duration?
    /// The number of consecutive failed refreshes.
    public let failures: Int
    /// The lease of the refresh in progress, of this or another process that shares the store.
    public let lease: Lease?
    /// Whether the current credential is saved in the store.
    public let persisted: Bool
    /// Whether this process is refreshing.
    public let refreshing: Bool
    /// What the refresh in progress is waiting for.
    public let waiting: Waiting?
    /// The granted scope.
    public let scope: String?

    init(_ status: RekindleFFI.Status) {
        standing = Standing(status.standing)
        lineage = status.lineage
        generation = status.generation
        expiresAt = status.expiresAt
        valid = status.valid
        refreshable = status.refreshable
        refreshTokenExpiresAt = status.refreshTokenExpiresAt
        refreshedAt = status.refreshedAt
        backoff = status.backoff.map { Duration($0) }
        failures = Int(status.failures)
        lease = status.lease.map { Lease(owner: $0.owner, left: Duration($0.left)) }
        persisted = status.persisted
        refreshing = status.refreshing
        waiting = status.waiting.map { Waiting(name: $0.name, atMost: $0.atMost.map { Duration($0) }) }
        scope = status.scope
    }
}

extension Status.Standing {
    init(_ standing: RekindleFFI.Standing) {
        switch standing {
        case .unread: self = .unread
        case .active: self = .active
        case .loginRequired(let reason): self = .loginRequired(reason: reason)
        case .signedOut: self = .signedOut
        }
    }
}
