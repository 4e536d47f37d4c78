package dev.rekindle

import kotlin.time.Duration
import dev.rekindle.ffi.Event as NativeEvent
import dev.rekindle.ffi.EventKind as NativeKind

/** What a session tells, without secrets. */
public data class Event(
    /** The name of its kind, the same in every language. */
    val name: String,
    /** A short tag of the sign-in. */
    val lineage: String,
    /** The generation of the access token. */
    val generation: Long,
    /** What happened. */
    val kind: EventKind,
)

/** What happened. */
public sealed interface EventKind {
    /** A credential was given by a sign-in. */
    public data object SignedIn : EventKind

    /** A refresh started. */
    public data class RefreshStarted(
        /** `expired`, `advisory`, `rejected` or `forced`. */
        val cause: String,
    ) : EventKind

    /** A refresh brought a token. */
    public data class RefreshSucceeded(
        /** How many waited for it. */
        val waiters: Long,
        /** How long it took. */
        val duration: Duration,
        /** Whether it could be saved. */
        val isPersisted: Boolean,
    ) : EventKind

    /** A refresh did not come through. */
    public data class RefreshFailed(
        /** The error's kind. */
        val kind: String,
        /** When the next may be tried. */
        val retryAfter: Duration?,
    ) : EventKind

    /** A token was taken from the store that somebody else had refreshed. */
    public data object Adopted : EventKind

    /** The credential could not be saved; it is served from memory. */
    public data object Unpersisted : EventKind

    /** It was saved later. */
    public data object Persisted : EventKind

    /** A request was sent again with another token. */
    public data object Replayed : EventKind

    /** A request was sent again after a transient failure. */
    public data object Retried : EventKind

    /** The user must sign in: told once for each lost credential. */
    public data class LoginRequired(
        /** `rejected`, `reuse_detected`, .. */
        val reason: String,
    ) : EventKind

    /** There were too many refreshes that no clock explains. */
    public data object RefreshLimited : EventKind

    /** The user signed out. */
    public data object SignedOut : EventKind

    /** Something that needs a look: `insecure_origin`, `life_too_short`, .. */
    public data class Warned(
        /** Its name. */
        val warning: String,
    ) : EventKind

    /** A kind that this version does not know. */
    public data object Other : EventKind
}

internal fun NativeEvent.told(): Event = Event(name, lineage, generation.toLong(), kind.told())

private fun NativeKind.told(): EventKind = when (this) {
    NativeKind.SignedIn -> EventKind.SignedIn
    is NativeKind.RefreshStarted -> EventKind.RefreshStarted(cause)
    is NativeKind.RefreshSucceeded -> EventKind.RefreshSucceeded(waiters.toLong(), duration.kotlin(), persisted)
    is NativeKind.RefreshFailed -> EventKind.RefreshFailed(kind, retryAfter?.kotlin())
    NativeKind.Adopted -> EventKind.Adopted
    NativeKind.Unpersisted -> EventKind.Unpersisted
    NativeKind.Persisted -> EventKind.Persisted
    NativeKind.Replayed -> EventKind.Replayed
    NativeKind.Retried -> EventKind.Retried
    is NativeKind.LoginRequired -> EventKind.LoginRequired(reason)
    NativeKind.RefreshLimited -> EventKind.RefreshLimited
    NativeKind.SignedOut -> EventKind.SignedOut
    is NativeKind.Warned -> EventKind.Warned(warning)
    NativeKind.Other -> EventKind.Other
}
