package dev.rekindle

import java.time.Instant
import kotlin.time.Duration
import dev.rekindle.ffi.Standing as NativeStanding
import dev.rekindle.ffi.Status as NativeStatus

/** The state of a session. */
public sealed class Standing(
    /** The name, the same in every language. */
    public val name: String,
) {
    /** The store has not been read yet. */
    public data object Unread : Standing("unread")

    /** A token can be served or refreshed. */
    public data object Active : Standing("active")

    /** The user must sign in. */
    public data class LoginRequired(
        /** `rejected`, `reuse_detected`, .. */
        val reason: String,
    ) : Standing("login_required")

    /** There is no credential. */
    public data object SignedOut : Standing("signed_out")
}

/** The lease of a refresh: who may refresh at the moment. */
public data class Lease(
    /** A short identifier of the lease's owner. */
    val owner: String,
    /** How long the lease lasts from now on. */
    val left: Duration,
)

/** What a refresh, and each caller with it, is waiting for. */
public data class Waiting(
    /** `store`, `token_endpoint`, .. */
    val name: String,
    /** The longest possible wait, if that is known. */
    val atMost: Duration?,
)

/** A snapshot of a session, without secrets. */
public data class Status(
    /** The state. */
    val standing: Standing,
    /** A short identifier of the sign-in. */
    val lineage: String?,
    /** The generation of the access token. */
    val generation: Long?,
    /** When the access token expires, if that is known. */
    val expiresAt: Instant?,
    /** Whether the access token is valid now. */
    val isValid: Boolean,
    /** Whether there is a refresh token. */
    val isRefreshable: Boolean,
    /** When the refresh token expires, if that is known. */
    val refreshTokenExpiresAt: Instant?,
    /** When the last refresh succeeded. */
    val refreshedAt: Instant?,
    /** After failures, how long until the next refresh is tried. */
    val backoff: Duration?,
    /** The number of consecutive failed refreshes. */
    val failures: Int,
    /** The lease of the refresh in progress, of this or another process that shares the store. */
    val lease: Lease?,
    /** Whether the current credential is saved in the store. */
    val isPersisted: Boolean,
    /** Whether this process is refreshing. */
    val isRefreshing: Boolean,
    /** The granted scope. */
    val scope: String?,
    /** What the refresh in progress is waiting for. */
    val waiting: Waiting?,
)

internal fun NativeStatus.told(): Status = Status(
    when (val at = standing) {
        NativeStanding.Unread -> Standing.Unread
        NativeStanding.Active -> Standing.Active
        is NativeStanding.LoginRequired -> Standing.LoginRequired(at.reason)
        NativeStanding.SignedOut -> Standing.SignedOut
    },
    lineage, generation?.toLong(), expiresAt, valid, refreshable, refreshTokenExpiresAt, refreshedAt,
    backoff?.kotlin(), failures.toInt(),
    lease?.let { Lease(it.owner, it.left.kotlin()) }, persisted, refreshing, scope,
    waiting?.let { Waiting(it.name, it.atMost?.kotlin()) },
)
