internal import RekindleFFI

/// One thing that a session tells, without secrets.
public struct Event: Sendable, Hashable {
    /// What happened.
    public enum Kind: Sendable, Hashable {
        /// A credential was given.
        case signedIn
        /// A refresh started: because of `expired`, `advisory`, `rejected` or `forced`.
        case refreshStarted(cause: String)
        /// A refresh brought a token.
        case refreshSucceeded(waiters: UInt64, duration: Duration, persisted: Bool)
        /// A refresh did not come through.
        case refreshFailed(kind: RekindleError.Kind, retryAfter: Duration?)
        /// A token was taken from the store that somebody else had refreshed.
        case adopted
        /// The credential could not be saved; it is served from memory.
        case unpersisted
        /// It was saved later.
        case persisted
        /// A request was sent again with another token.
        case replayed
        /// A request was sent again after a transient failure.
        case retried
        /// The user must sign in: `rejected`, `reuse_detected`, .. Told once for each lost credential.
        case loginRequired(reason: String)
        /// There were too many refreshes that no clock explains.
        case refreshLimited
        /// The user signed out.
        case signedOut
        /// Something that needs a look: `insecure_origin`, `life_too_short`, ..
        case warned(warning: String)
        /// A kind that this version does not know.
        case other
    }

    /// The kind's name, the same in every language.
    public let name: String
    /// A short tag of the sign-in.
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

/// Hands events to a function of the user's.
final class Listener: EventListener {
    private let call: @Sendable (Event) -> Void

    init(_ call: @escaping @Sendable (Event) -> Void) {
        self.call = call
    }

    func onEvent(event: RekindleFFI.Event) throws {
        call(Event(event))
    }
}
