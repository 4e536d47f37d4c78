internal import RekindleFFI

/// An event of a session. It contains no secrets.
public struct Event: Sendable, Hashable {
    /// What happened.
    public enum Kind: Sendable, Hashable {
        /// A sign-in set a credential.
        case signedIn
        /// A refresh started: because of `expired`, `advisory`, `rejected` or `forced`.
        case refreshStarted(cause: String)
        /// A refresh succeeded.
        case refreshSucceeded(waiters: UInt64, duration: Duration, persisted: Bool)
        /// A refresh failed.
        case refreshFailed(kind: RekindleError.Kind, retryAfter: Duration?)
        /// A token that another process had refreshed was read from the store.
        case adopted
        /// An API's response carried a new access token, which replaces the current one.
        case renewed
        /// What is kept beside the tokens changed: the names of what changed.
        case extraChanged(names: [String])
        /// The credential could not be saved; it is served from memory.
        case unpersisted
        /// A credential that could not be saved before has been saved.
        case persisted
        /// A request was sent again with a new token.
        case replayed
        /// A request was sent again after a transient failure.
        case retried
        /// The user must sign in: `rejected`, `reuse_detected`, .. Emitted once for each lost credential.
        case loginRequired(reason: String)
        /// There were too many refreshes, more than expiring tokens explain.
        case refreshLimited
        /// The user signed out.
        case signedOut
        /// A warning: `insecure_origin`, `life_too_short`, ..
        case warned(warning: String)
        /// An unknown kind, of a newer native library.
        case other
    }

    /// The kind's name, the same in every language.
    public let name: String
    /// A short identifier of the sign-in.
    public let lineage: String
    /// The generation of the access token.
    public let generation: UInt64
    /// What happened.
    public let kind: Kind

    init(_ event: RekindleFFI.Event) {
        name = event.name
        lineage = event.lineage
        generation = event.generation
        kind = Kind(event.kind)
    }
}

extension Event.Kind {
    init(_ kind: EventKind) {
        switch kind {
        case .signedIn: self = .signedIn
        case .refreshStarted(let cause): self = .refreshStarted(cause: cause)
        case .refreshSucceeded(let waiters, let duration, let persisted):
            self = .refreshSucceeded(waiters: waiters, duration: Duration(duration), persisted: persisted)
        case .refreshFailed(let kind, let retryAfter):
            let kind = RekindleError.Kind(rawValue: kind) ?? .refreshFailed
            self = .refreshFailed(kind: kind, retryAfter: retryAfter.map { Duration($0) })
        case .adopted: self = .adopted
        case .renewed: self = .renewed
        case .extraChanged(let names): self = .extraChanged(names: names)
        case .unpersisted: self = .unpersisted
        case .persisted: self = .persisted
        case .replayed: self = .replayed
        case .retried: self = .retried
        case .loginRequired(let reason): self = .loginRequired(reason: reason)
        case .refreshLimited: self = .refreshLimited
        case .signedOut: self = .signedOut
        case .warned(let warning): self = .warned(warning: warning)
        case .other: self = .other
        }
    }
}

/// Passes events to a user's function.
final class Listener: EventListener {
    private let call: @Sendable (Event) -> Void

    init(_ call: @escaping @Sendable (Event) -> Void) {
        self.call = call
    }

    func onEvent(event: RekindleFFI.Event) throws {
        call(Event(event))
    }
}
