import Foundation
internal import RekindleFFI

/// A look at a session, without a secret.
public struct Status: Sendable, Hashable {
    /// Where a session stands.
    public enum Standing: Sendable, Hashable {
        /// The store was not read yet.
        case unread
        /// A token can be served, or got.
        case active
        /// The user must sign in: `rejected`, `reuse_detected`, ..
        case loginRequired(reason: String)
        /// There is no credential.
        case signedOut
    }

    /// Who refreshes at the moment, of all that share the store.
    public struct Lease: Sendable, Hashable {
        /// A short tag of who holds it.
        public let owner: String
        /// How long it lasts.
        public let left: Duration
    }

    /// What a refresh waits for.
    public struct Waiting: Sendable, Hashable {
        /// `token_endpoint`, `next_try`, `store`, `others_lease`, `others_refresh`, `vanished_owner` or `too_soon`.
        public let name: String
        /// How long at most, if that is known.
        public let atMost: Duration?
    }

    /// Where it stands.
    public let standing: Standing
    /// A short tag of the sign-in.
    public let lineage: String?
    /// The generation of the access token.
    public let generation: UInt64?
    /// When the access token ends, if that is known.
    public let expiresAt: Date?
    /// Whether the access token can be served now.
    public let valid: Bool
    /// Whether there is a refresh token.
    public let refreshable: Bool
    /// When the refresh token ends, if that is known.
    public let refreshTokenExpiresAt: Date?
    /// When the last refresh came through.
    public let refreshedAt: Date?
    /// How long until the next refresh may be tried, after failures.
    public let backoff: Duration?
    /// Failures in a row.
    public let failures: Int
    /// Who refreshes at the moment, of all that share the store.
    public let lease: Lease?
    /// Whether the store has what memory has.
    public let persisted: Bool
    /// Whether a refresh is under way here.
    public let refreshing: Bool
    /// What a refresh that is under way waits for.
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
