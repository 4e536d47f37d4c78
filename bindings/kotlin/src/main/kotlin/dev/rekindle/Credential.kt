package dev.rekindle

import java.time.Instant
import kotlin.time.Duration
import kotlin.time.toJavaDuration
import kotlin.time.toKotlinDuration
import dev.rekindle.ffi.Credential as NativeCredential
import dev.rekindle.ffi.Token as NativeToken

/** The tokens of one sign-in. [toString] shows none of them. */
public class Credential(
    /** The access token, if there is one. */
    public val accessToken: String? = null,
    /** The refresh token. Without one, the access token is served until it expires. */
    public val refreshToken: String? = null,
    /** The access token's remaining lifetime. Set this or [expiresAt]. */
    public val expiresIn: Duration? = null,
    /** When the access token expires. */
    public val expiresAt: Instant? = null,
    /** When the refresh token expires, if the server said so. */
    public val refreshTokenExpiresAt: Instant? = null,
    /** The granted scope, as the server wrote it. */
    public val scope: String? = null,
    /** `Bearer` unless the server said otherwise. */
    public val tokenType: String? = null,
    /** Further fields to keep with the tokens, such as an instance URL or an issuer. */
    public val extra: Map<String, String> = emptyMap(),
) {
    override fun toString(): String =
        "Credential(accessToken=${hidden(accessToken)}, refreshToken=${hidden(refreshToken)}, " +
            "expiresIn=$expiresIn, expiresAt=$expiresAt, refreshTokenExpiresAt=$refreshTokenExpiresAt, scope=$scope, " +
            "extra=${extra.keys})"

    internal fun native() = NativeCredential(
        accessToken, refreshToken, expiresIn?.crossing("expiresIn"), expiresAt, refreshTokenExpiresAt, scope, tokenType, extra,
    )
}

/**
 * An access token. [toString] is redacted; pass [value] or [authorization] only to the HTTP client.
 */
public class Token internal constructor(internal val native: NativeToken, internal val tag: ULong = native.tag()) {
    private val parts = native.details()

    /** The token itself. */
    public val value: String get() = parts.value

    /** The value of the header that carries the token: `Bearer ..`. */
    public val authorization: String get() = parts.authorization

    /** The name of the header that carries the token, in lower case. */
    public val headerName: String get() = parts.headerName

    /** Increases by one with each new access token of a sign-in. */
    public val generation: Long get() = parts.generation.toLong()

    /** When the token expires, if that is known. */
    public val expiresAt: Instant? get() = parts.expiresAt

    override fun toString(): String = "Token(value=***, generation=$generation, expiresAt=$expiresAt)"
}

private fun hidden(secret: String?): String = if (secret == null) "null" else "***"

internal fun java.time.Duration.kotlin(): Duration = toKotlinDuration()

/** The duration for a native call: not negative, and at most what the native library can represent. */
internal fun Duration.crossing(name: String): java.time.Duration {
    if (isNegative()) throw RekindleException.InvalidConfig("$name must not be negative")
    return if (isInfinite()) java.time.Duration.ofSeconds(Long.MAX_VALUE) else toJavaDuration()
}
