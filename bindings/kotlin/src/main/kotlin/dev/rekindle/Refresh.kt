package dev.rekindle

import kotlin.time.Duration
import dev.rekindle.ffi.Refresh as NativeRefresh
import dev.rekindle.ffi.RefreshFailure
import dev.rekindle.ffi.RefreshInput as NativeInput
import dev.rekindle.ffi.TokenResponse as NativeResponse

/**
 * Your own refresh function, instead of the dialect's token request. It has no time limit.
 *
 * What it throws says what happened to the refresh token: [RekindleException.LoginRequired]: the server rejected it for good,
 * which ends the sign-in; [RefreshNotSentException]: nothing was sent, and the refresh is tried again. After **any other**
 * exception the refresh token may have been used: it is sent again only as the rotation allows, and the exception is the cause
 * of the one that callers get.
 */
public fun interface Refresh {
    /** Gets a new access token. */
    public suspend fun refresh(input: RefreshInput): TokenResponse
}

/** Nothing was sent, so the refresh token is unused. The message is included in errors, so it must contain no secrets. */
public class RefreshNotSentException(message: String, cause: Throwable? = null) : Exception(message, cause)

/** The input of a [Refresh] function. */
public class RefreshInput internal constructor(
    /** The refresh token, if the session has one. Send it at most once. */
    public val refreshToken: String?,
    /** The scope of the last grant. */
    public val scope: String?,
    /** The further fields of the last grant. */
    public val extra: Map<String, String>,
) {
    override fun toString(): String = "RefreshInput(scope=$scope, extra=${extra.keys})"
}

/** The result of a [Refresh] function. */
public class TokenResponse(
    /** The new access token. If it is `null`, the refresh fails, but a new refresh token is kept. */
    public val accessToken: String?,
    /** The new refresh token; `null` keeps the old one. */
    public val refreshToken: String? = null,
    /** The access token's lifetime, if that is known. */
    public val lifetime: Duration? = null,
    /** The refresh token's lifetime, if that is known. */
    public val refreshTokenLifetime: Duration? = null,
    /** The granted scope, if it changed. */
    public val scope: String? = null,
    /** `Bearer` unless the server said otherwise. */
    public val tokenType: String? = null,
    /** Further fields to keep with the tokens. */
    public val extra: Map<String, String> = emptyMap(),
) {
    override fun toString(): String = "TokenResponse(lifetime=$lifetime, scope=$scope, extra=${extra.keys})"
}

internal class HostRefresh(private val refresh: Refresh, private val inside: Any) : NativeRefresh {
    override suspend fun refresh(input: NativeInput): NativeResponse = hosted(inside, ::failure) {
        val response = refresh.refresh(RefreshInput(input.refreshToken, input.scope, input.extra))
        NativeResponse(
            response.accessToken,
            response.refreshToken,
            response.lifetime?.takeIf(Duration::isPositive)?.crossing("lifetime"),
            response.refreshTokenLifetime?.takeIf(Duration::isPositive)?.crossing("refreshTokenLifetime"),
            response.scope,
            response.tokenType,
            response.extra,
        )
    }

    private fun failure(thrown: Throwable): Exception = when (thrown) {
        is RekindleException.LoginRequired -> RefreshFailure.LoginRequired()
        is RefreshNotSentException -> RefreshFailure.NotSent(thrown.message ?: "nothing was sent")
        // Its message could contain the token.
        else -> RefreshFailure.MaybeSent("the refresh function threw ${thrown.javaClass.simpleName}", Thrown.keep(thrown))
    }
}

/** Exceptions of users' functions by number, so that they can be attached as causes: only numbers cross the FFI. */
internal object Thrown {
    private const val MOST = 64
    private var next = 0UL
    private val kept = LinkedHashMap<ULong, Throwable>()

    @Synchronized
    fun keep(thrown: Throwable): ULong {
        next += 1UL
        kept[next] = thrown
        if (kept.size > MOST) kept.remove(kept.keys.first())
        return next
    }

    @Synchronized
    fun find(number: ULong): Throwable? = kept[number]
}
