package dev.rekindle

import kotlin.time.Duration
import dev.rekindle.ffi.Event as NativeEvent
import dev.rekindle.ffi.EventKind as NativeKind

/** An event of a session. It contains no secrets. */
public data class Event(
    /** The name of the kind, the same in every language. */
    val name: String,
    /** A short identifier of the sign-in. */
    val lineage: String,
    /** The generation of the access token. */
    val generation: Long,
    /** What happened. */
    val kind: EventKind,
)

/** What happened. */
public sealed interface EventKind {
    /** A sign-in set a credential. */
    public data object SignedIn : EventKind

    /** A refresh started. */
    public data class RefreshStarted(
        /** `expired`, `advisory`, `rejected` or `forced`. */
        val cause: String,
    ) : EventKind

    /** A refresh succeeded. */
    public data class RefreshSucceeded(
        /** The number of callers that waited for it. */
        val waiters: Long,
        /** The duration of the refresh. */
        val duration: Duration,
        /** Whether the credential was saved. */
        val isPersisted: Boolean,
    ) : EventKind

    /** A refresh failed. */
    public data class RefreshFailed(
        /** The error's kind. */
        val kind: String,
        /** How long until the next attempt. */
        val retryAfter: Duration?,
    ) : EventKind

    /** A token that another process had refreshed was read from the store. */
    public data object Adopted : EventKind

    /** An API's response carried a new access token, which replaces the current one. */
    public data object Renewed : EventKind

    /** What is kept beside the tokens changed. */
    public data class ExtraChanged(
        /** The names of what changed. */
        val names: List<String>,
    ) : EventKind

    /** The credential could not be saved; it is served from memory. */
    public data object Unpersisted : EventKind

    /** A credential that could not be saved before has been saved. */
    public data object Persisted : EventKind

    /** A request was sent again with a new token. */
    public data object Replayed : EventKind

    /** A request was sent again after a transient failure. */
    public data object Retried : EventKind

    /** The user must sign in. Emitted once for each lost credential. */
    public data class LoginRequired(
        /** `rejected`, `reuse_detected`, .. */
        val reason: String,
    ) : EventKind

    /** There were too many refreshes, more than expiring tokens explain. */
    public data object RefreshLimited : EventKind

    /** The user signed out. */
    public data object SignedOut : EventKind

    /** A warning: `insecure_origin`, `life_too_short`, .. */
    public data class Warned(
        /** The warning's name. */
        val warning: String,
    ) : EventKind

    /** An unknown kind, of a newer native library. */
    public data object Other : EventKind
}

internal fun NativeEvent.told(): Event = Event(name, lineage, generation.toLong(), kind.told())

private fun NativeKind.told(): EventKind = when (this) {
    NativeKind.SignedIn -> EventKind.SignedIn
    is NativeKind.RefreshStarted -> EventKind.RefreshStarted(cause)
    is NativeKind.RefreshSucceeded -> EventKind.RefreshSucceeded(waiters.toLong(), duration.kotlin(), persisted)
    is NativeKind.RefreshFailed -> EventKind.RefreshFailed(kind, retryAfter?.kotlin())
    NativeKind.Adopted -> EventKind.Adopted
    NativeKind.Renewed -> EventKind.Renewed
    is NativeKind.ExtraChanged -> EventKind.ExtraChanged(names)
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
