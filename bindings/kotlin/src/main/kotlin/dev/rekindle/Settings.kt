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

/** A server's protocol. */
public class Dialect private constructor(internal val native: NativeDialect) {
    /** A built-in dialect: `oauth2`, `google`, .. */
    public constructor(name: String) : this(NativeDialect.Preset(name))

    override fun toString(): String = native.toString()

    public companion object {
        /** The dialect in this TOML file. */
        public fun file(path: Path): Dialect = Dialect(NativeDialect.File(path.toString()))

        /** The dialect in this TOML text. */
        public fun toml(text: String): Dialect = Dialect(NativeDialect.Toml(text))
    }
}

/** What a server does with a used refresh token. */
public sealed interface Rotation {
    /** The token stays usable. */
    public data object None : Rotation

    /** The token stays usable for some time after its first use. */
    public data class Grace(
        /** How long. */
        val time: Duration,
    ) : Rotation

    /** The token stays usable until its successor is used. */
    public data object UntilSuccessorUsed : Rotation

    /** A second use fails; the successor stays valid. */
    public data object Strict : Rotation

    /** A second use revokes all tokens of the sign-in. */
    public data object StrictFamily : Rotation

    /** The server issues a new refresh token only sometimes. */
    public data object Sometimes : Rotation

    /** The server's behaviour is not known. */
    public data object Unknown : Rotation
}

/** A private key for `private_key_jwt` (RFC 7523) or DPoP (RFC 9449). [toString] shows only its thumbprint. */
public class SigningKey private constructor(internal val native: NativeKey) {
    /** Reads a private key in PEM (PKCS #8 or PKCS #1). [keyId]: the key's `kid` at the server. */
    public constructor(pem: String, keyId: String? = null) : this(native { NativeKey.fromPem(pem, keyId) })

    /** The public key, as a JSON Web Key. */
    public val jwk: String get() = native.jwk()

    /** The thumbprint of the public key (RFC 7638). */
    public val thumbprint: String get() = native.thumbprint()

    override fun toString(): String = "SigningKey($thumbprint)"

    public companion object {
        /** Generates a P-256 key, and returns it with its PEM. Store the PEM as a secret: tokens bound to the key need it. */
        public fun generate(): Pair<SigningKey, String> =
            native { generateSigningKey() }.let { SigningKey(it.key) to it.pem }
    }
}

/** How a client authenticates at the token endpoint, by the names of OpenID Connect Core section 9. */
public enum class ClientAuth {
    /** `client_id` in the body, no secret. */
    None,

    /** HTTP Basic; a client without a secret sends `client_id` in the body. */
    ClientSecretBasic,

    /** `client_id` and `client_secret` in the body. */
    ClientSecretPost,

    /** `client_id` and an assertion in the body, signed with the secret (RFC 7523). */
    ClientSecretJwt,

    /** `client_id` and an assertion in the body, signed with `clientKey` (RFC 7523). */
    PrivateKeyJwt,
}

/**
 * The parameters of the client credentials grant (RFC 6749 section 4.4), for tokens without a user. The [Session] then needs
 * no first credential, and requests a token at the first call that needs one.
 */
public data class ClientCredentials(
    /** `scope`, space-separated. */
    val scope: String? = null,
    /** `audience`, for servers that support it. */
    val audience: String? = null,
    /** `resource`: the URLs of the APIs that the token is for (RFC 8707). */
    val resource: List<String> = emptyList(),
    /** Further parameters. */
    val parameters: Map<String, String> = emptyMap(),
) {
    internal fun native() = NativeClientCredentials(scope, audience, resource, parameters)

    /** Shows only the names of further parameters, because their values may be secrets. */
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
    /** For tests: shares no state with other sessions, as if it were in a process of its own. */
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
