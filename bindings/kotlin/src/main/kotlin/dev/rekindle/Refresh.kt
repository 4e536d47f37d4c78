package dev.rekindle

import kotlin.time.Duration
import dev.rekindle.ffi.Refresh as NativeRefresh
import dev.rekindle.ffi.RefreshFailure
import dev.rekindle.ffi.RefreshInput as NativeInput
import dev.rekindle.ffi.TokenResponse as NativeResponse

/**
 * A refresh of one's own making. It is waited for without a cap.
 *
 * It says what became of the refresh token by what it throws: [RekindleException.LoginRequired] = it is dead, the only one
 * that ends the session; [RefreshNotSentException] = nothing was sent, it is tried again. **Anything else** may have spent
 * it: it is sent again only as the rotation allows, and what was thrown is the cause of the exception that callers get.
 */
public fun interface Refresh {
    /** Gets a new access token. */
    public suspend fun refresh(input: RefreshInput): TokenResponse
}

/** Nothing was sent: the refresh token is as good as before. The message goes into errors: no secrets. */
public class RefreshNotSentException(message: String, cause: Throwable? = null) : Exception(message, cause)

/** What a refresh function works with. */
public class RefreshInput internal constructor(
    /** The refresh token, if the session has one. It must not be sent twice. */
    public val refreshToken: String?,
    /** The scope of the last grant. */
    public val scope: String?,
    /** What came with the last grant. */
    public val extra: Map<String, String>,
) {
    override fun toString(): String = "RefreshInput(scope=$scope, extra=${extra.keys})"
}

/** What a refresh brought. */
public class TokenResponse(
    /** The new access token. Without one, a refresh token is kept, and the refresh fails. */
    public val accessToken: String?,
    /** The new refresh token; the old one is kept without it. */
    public val refreshToken: String? = null,
    /** How long the access token lives, if that is known. */
    public val lifetime: Duration? = null,
    /** How long the refresh token lives, if that is known. */
    public val refreshTokenLifetime: Duration? = null,
    /** The granted scope, if it differs. */
    public val scope: String? = null,
    /** `Bearer` unless the server said otherwise. */
    public val tokenType: String? = null,
    /** What must come back with the tokens. */
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
        // Its text could quote the token.
        else -> RefreshFailure.MaybeSent("the refresh function threw ${thrown.javaClass.simpleName}", Thrown.keep(thrown))
    }
}

/** What refresh functions threw, until it comes back as a cause: objects do not cross the border, numbers do. */
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
