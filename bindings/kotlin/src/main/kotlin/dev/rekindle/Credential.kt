package dev.rekindle

import java.time.Instant
import kotlin.time.Duration
import kotlin.time.toJavaDuration
import kotlin.time.toKotlinDuration
import dev.rekindle.ffi.Credential as NativeCredential
import dev.rekindle.ffi.Token as NativeToken

/** The tokens of one sign-in. Its text shows none of them. */
public class Credential(
    /** The access token, if there is one already. */
    public val accessToken: String? = null,
    /** The refresh token. Without one the access token is served to its end. */
    public val refreshToken: String? = null,
    /** How long the access token lives from now on. This or [expiresAt]. */
    public val expiresIn: Duration? = null,
    /** When it ends. */
    public val expiresAt: Instant? = null,
    /** When the refresh token ends, if the server said so. */
    public val refreshTokenExpiresAt: Instant? = null,
    /** The granted scope, as the server wrote it. */
    public val scope: String? = null,
    /** `Bearer` unless the server said otherwise. */
    public val tokenType: String? = null,
    /** What must come back with the tokens: instance URL, issuer, and the like. */
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
 * An access token. Show [value] or [authorization] where they must go, and nowhere else: its text is redacted.
 */
public class Token internal constructor(internal val native: NativeToken, internal val tag: ULong = native.tag()) {
    private val parts = native.details()

    /** The token itself. */
    public val value: String get() = parts.value

    /** The value of the header that carries it: `Bearer ..`. */
    public val authorization: String get() = parts.authorization

    /** That header's name, in lower case. */
    public val headerName: String get() = parts.headerName

    /** One higher with each new access token of a sign-in. */
    public val generation: Long get() = parts.generation.toLong()

    /** When it ends, if that is known. */
    public val expiresAt: Instant? get() = parts.expiresAt

    override fun toString(): String = "Token(value=***, generation=$generation, expiresAt=$expiresAt)"
}

private fun hidden(secret: String?): String = if (secret == null) "null" else "***"

internal fun java.time.Duration.kotlin(): Duration = toKotlinDuration()

/** A duration that crosses: at least nothing, at most what the other side can hold. */
internal fun Duration.crossing(name: String): java.time.Duration {
    if (isNegative()) throw RekindleException.InvalidConfig("$name must not be negative")
    return if (isInfinite()) java.time.Duration.ofSeconds(Long.MAX_VALUE) else toJavaDuration()
}
