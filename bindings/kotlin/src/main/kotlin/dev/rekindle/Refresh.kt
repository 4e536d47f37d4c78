package dev.rekindle

import java.io.IOException
import kotlin.time.Duration
import dev.rekindle.ffi.Grant as NativeGrant
import dev.rekindle.ffi.Refresh as NativeRefresh
import dev.rekindle.ffi.RefreshFailure
import dev.rekindle.ffi.Spend as NativeSpend

/**
 * A refresh of one's own making. It is waited for without a cap.
 *
 * It says what became of the refresh token by what it throws: [RekindleException.LoginRequired] = it is dead, the only one
 * that ends the session; an [IOException] = it may have been spent; anything else = it was not spent, try later.
 */
public fun interface Refresh {
    /** Gets a new access token. */
    public suspend fun refresh(spend: Spend): Grant
}

/** What a refresh is made from. The refresh token must not be sent twice. */
public class Spend internal constructor(
    /** The refresh token. */
    public val refreshToken: String,
    /** The scope of the last grant. */
    public val scope: String?,
    /** What came with the last grant. */
    public val extra: Map<String, String>,
) {
    override fun toString(): String = "Spend(scope=$scope, extra=${extra.keys})"
}

/** What a refresh brought. */
public class Grant(
    /** The new access token. */
    public val accessToken: String,
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
    override fun toString(): String = "Grant(lifetime=$lifetime, scope=$scope, extra=${extra.keys})"
}

internal class HostRefresh(private val refresh: Refresh, private val inside: Any) : NativeRefresh {
    override suspend fun refresh(spend: NativeSpend): NativeGrant = hosted(inside, ::failure) {
        val grant = refresh.refresh(Spend(spend.refreshToken, spend.scope, spend.extra))
        NativeGrant(
            grant.accessToken,
            grant.refreshToken,
            grant.lifetime?.takeIf(Duration::isPositive)?.crossing("lifetime"),
            grant.refreshTokenLifetime?.takeIf(Duration::isPositive)?.crossing("refreshTokenLifetime"),
            grant.scope,
            grant.tokenType,
            grant.extra,
        )
    }

    private fun failure(thrown: Throwable): Exception = when (thrown) {
        is RekindleException.LoginRequired -> RefreshFailure.LoginRequired()
        // Whatever broke on the way may have arrived.
        is IOException -> RefreshFailure.AnswerLost()
        is RekindleException -> RefreshFailure.TryLater(thrown.message.orEmpty())
        else -> RefreshFailure.TryLater("the refresh function threw ${thrown.javaClass.simpleName}")
    }
}
