package dev.rekindle

import java.nio.file.Path
import kotlin.time.Duration
import dev.rekindle.ffi.ClientAuth as NativeClientAuth
import dev.rekindle.ffi.ClientCredentials as NativeClientCredentials
import dev.rekindle.ffi.Dialect as NativeDialect
import dev.rekindle.ffi.Rotation as NativeRotation
import dev.rekindle.ffi.SessionConfig as NativeConfig
import dev.rekindle.ffi.SigningKey as NativeKey
import dev.rekindle.ffi.generateSigningKey

/** How a server speaks. */
public class Dialect private constructor(internal val native: NativeDialect) {
    /** A preset: `oauth2`, `google`, .. */
    public constructor(name: String) : this(NativeDialect.Preset(name))

    override fun toString(): String = native.toString()

    public companion object {
        /** A dialect file. */
        public fun file(path: Path): Dialect = Dialect(NativeDialect.File(path.toString()))

        /** A dialect file's text. */
        public fun toml(text: String): Dialect = Dialect(NativeDialect.Toml(text))
    }
}

/** What a server does with a refresh token that was used. */
public sealed interface Rotation {
    /** The old one stays usable. */
    public data object None : Rotation

    /** The old one works for this long after its first use. */
    public data class Grace(
        /** So long. */
        val time: Duration,
    ) : Rotation

    /** The old one works until its successor is used. */
    public data object UntilSuccessorUsed : Rotation

    /** A replay fails; the successor lives. */
    public data object Strict : Rotation

    /** A replay revokes everything that came from the sign-in. */
    public data object StrictFamily : Rotation

    /** It changes only now and then. */
    public data object Sometimes : Rotation

    /** Not known. */
    public data object Unknown : Rotation
}

/** A private key: `private_key_jwt` (RFC 7523) and DPoP (RFC 9449). Its text shows its thumbprint. */
public class SigningKey private constructor(internal val native: NativeKey) {
    /** Reads a private key in PEM (PKCS #8 or PKCS #1). [keyId]: the name under which the server knows it. */
    public constructor(pem: String, keyId: String? = null) : this(native { NativeKey.fromPem(pem, keyId) })

    /** Its public half, as a JSON Web Key. */
    public val jwk: String get() = native.jwk()

    /** The thumbprint of its public half (RFC 7638). */
    public val thumbprint: String get() = native.thumbprint()

    override fun toString(): String = "SigningKey($thumbprint)"

    public companion object {
        /** Makes a new P-256 key, and its PEM: keep that where secrets are kept, tokens bound to the key need it. */
        public fun generate(): Pair<SigningKey, String> =
            native { generateSigningKey() }.let { SigningKey(it.key) to it.pem }
    }
}

/** How a client says who it is to the token endpoint, by the names of OpenID Connect Core section 9. */
public enum class ClientAuth {
    /** `client_id` in the body, no secret. */
    None,

    /** HTTP Basic; a client without a secret sends `client_id` in the body. */
    ClientSecretBasic,

    /** `client_id` and `client_secret` in the body. */
    ClientSecretPost,

    /** `client_id` and an assertion in the body that the secret signs (RFC 7523). */
    ClientSecretJwt,

    /** `client_id` and a signed assertion in the body (RFC 7523); it needs a `clientKey`. */
    PrivateKeyJwt,
}

/**
 * What a client asks for on its own behalf, without a user (RFC 6749 section 4.4): [Session] needs no token to begin with
 * then, and asks for one at the first call that needs it.
 */
public data class ClientCredentials(
    /** `scope`: names with spaces between them. */
    val scope: String? = null,
    /** `audience`, where the server knows it. */
    val audience: String? = null,
    /** `resource`: the URLs of what the token is for (RFC 8707). */
    val resource: List<String> = emptyList(),
    /** Further fields, as the server wants them. */
    val parameters: Map<String, String> = emptyMap(),
) {
    internal fun native() = NativeClientCredentials(scope, audience, resource, parameters)

    /** The names of further fields only: their values may be secrets. */
    override fun toString(): String =
        "ClientCredentials(scope=$scope, audience=$audience, resource=$resource, parameters=${parameters.keys})"
}

internal class SessionSettings(
    val dialect: Dialect,
    val tokenUrl: String?,
    val clientId: String?,
    val clientSecret: String?,
    val clientAuth: ClientAuth?,
    val credential: Credential?,
    val origins: List<String>,
    val insecureOrigins: List<String>,
    val variables: Map<String, String>,
    val rotation: Rotation?,
    val background: Boolean,
    val waitTimeout: Duration?,
    val sendTimeout: Duration?,
    val lease: Duration?,
    val clientKey: SigningKey? = null,
    val dpopKey: SigningKey? = null,
    val clientCredentials: ClientCredentials? = null,
    val requireDpop: Boolean = true,
    val http: HttpSettings? = null,
    val authorizationUrl: String? = null,
    val server: String? = null,
    val pushedRequests: Boolean = true,
    val loginTimeout: Duration? = null,
    /** For tests: shares no state with other sessions, as if each were a process of its own. */
    val alone: Boolean = false,
) {
    fun native() = NativeConfig(
        dialect.native,
        tokenUrl,
        authorizationUrl,
        server,
        pushedRequests,
        clientId,
        clientSecret,
        clientAuth?.native(),
        credential?.native(),
        variables,
        origins,
        insecureOrigins,
        rotation?.native(),
        background,
        waitTimeout?.crossing("waitTimeout"),
        sendTimeout?.crossing("sendTimeout"),
        loginTimeout?.crossing("loginTimeout"),
        lease?.crossing("lease"),
        clientKey?.native,
        dpopKey?.native,
        requireDpop,
        clientCredentials?.native(),
        http?.native(),
        alone,
    )
}

private fun ClientAuth.native(): NativeClientAuth = when (this) {
    ClientAuth.None -> NativeClientAuth.PUBLIC
    ClientAuth.ClientSecretBasic -> NativeClientAuth.CLIENT_SECRET_BASIC
    ClientAuth.ClientSecretPost -> NativeClientAuth.CLIENT_SECRET_POST
    ClientAuth.ClientSecretJwt -> NativeClientAuth.CLIENT_SECRET_JWT
    ClientAuth.PrivateKeyJwt -> NativeClientAuth.PRIVATE_KEY_JWT
}

private fun Rotation.native(): NativeRotation = when (this) {
    Rotation.None -> NativeRotation.Reusable
    is Rotation.Grace -> NativeRotation.Grace(time.crossing("rotation"))
    Rotation.UntilSuccessorUsed -> NativeRotation.UntilSuccessorUsed
    Rotation.Strict -> NativeRotation.Strict
    Rotation.StrictFamily -> NativeRotation.StrictFamily
    Rotation.Sometimes -> NativeRotation.Sometimes
    Rotation.Unknown -> NativeRotation.Unknown
}
