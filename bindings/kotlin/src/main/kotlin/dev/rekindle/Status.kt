package dev.rekindle

import java.time.Instant
import kotlin.time.Duration
import dev.rekindle.ffi.Standing as NativeStanding
import dev.rekindle.ffi.Status as NativeStatus

/** Where a session stands. */
public sealed class Standing(
    /** The name, the same in every language. */
    public val name: String,
) {
    /** The store was not read yet. */
    public data object Unread : Standing("unread")

    /** A token can be served, or got. */
    public data object Active : Standing("active")

    /** The user must sign in. */
    public data class LoginRequired(
        /** `rejected`, `reuse_detected`, .. */
        val reason: String,
    ) : Standing("login_required")

    /** There is no credential. */
    public data object SignedOut : Standing("signed_out")
}

/** A lease on the refresh. */
public data class Lease(
    /** A short tag of who holds it. */
    val owner: String,
    /** How long it lasts. */
    val left: Duration,
)

/** What a refresh waits for, and a caller with it. */
public data class Waiting(
    /** Its name: `store`, `token_endpoint`, .. */
    val name: String,
    /** How long at most, if that is known. */
    val atMost: Duration?,
)

/** A look at a session, without a secret. */
public data class Status(
    /** Where it stands. */
    val standing: Standing,
    /** A short tag of the sign-in. */
    val lineage: String?,
    /** The generation of the access token. */
    val generation: Long?,
    /** When the access token ends, if that is known. */
    val expiresAt: Instant?,
    /** Whether the access token can be served now. */
    val isValid: Boolean,
    /** Whether there is a refresh token. */
    val isRefreshable: Boolean,
    /** When the refresh token ends, if that is known. */
    val refreshTokenExpiresAt: Instant?,
    /** When the last refresh came through. */
    val refreshedAt: Instant?,
    /** How long until the next refresh may be tried, after failures. */
    val backoff: Duration?,
    /** Failures in a row. */
    val failures: Int,
    /** Who refreshes at the moment, of all that share the store. */
    val lease: Lease?,
    /** Whether the store has what memory has. */
    val isPersisted: Boolean,
    /** Whether a refresh is under way here. */
    val isRefreshing: Boolean,
    /** The granted scope. */
    val scope: String?,
    /** What a refresh waits for at the moment. */
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
