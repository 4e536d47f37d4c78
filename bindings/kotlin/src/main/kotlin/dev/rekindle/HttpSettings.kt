package dev.rekindle

import kotlin.time.Duration
import dev.rekindle.ffi.ClientCertificate as NativeCertificate
import dev.rekindle.ffi.HttpConfig as NativeHttp
import dev.rekindle.ffi.Proxy as NativeProxy

/**
 * How the built-in HTTP stack makes its connections: for requests of an API, and for token requests.
 *
 * ```kotlin
 * val http = HttpSettings(proxy = Proxy.Url("http://proxy.example.com:3128"), rootCertificates = listOf(companyRoot))
 * val session = Session(tokenUrl = "https://auth.example.com/token", clientId = "app", http = http)
 * ```
 *
 * What is left out is the system's: its roots (`SSL_CERT_FILE`, `SSL_CERT_DIR` where they are set), its proxy
 * (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`). Loopback is asked directly.
 */
public class HttpSettings(
    /** The proxy. */
    public val proxy: Proxy = Proxy.System,
    /** Roots to trust beside the system's: each one or several certificates in PEM. */
    public val rootCertificates: List<ByteArray> = emptyList(),
    /** Shown to servers that ask for it: mutual TLS (RFC 8705). */
    public val clientCertificate: ClientCertificate? = null,
    /** Whether HTTP/2 may be spoken. */
    public val http2: Boolean = true,
    /** The header of that name, where a request has none. */
    public val userAgent: String? = null,
    /** How long a connection may take to come about; 10 s if it is left out. */
    public val connectTimeout: Duration? = null,
) {
    internal fun native() = NativeHttp(
        proxy.native(),
        rootCertificates,
        clientCertificate?.native(),
        http2,
        userAgent,
        connectTimeout?.also(::requirePositive)?.crossing("connectTimeout"),
    )

    private fun requirePositive(time: Duration) {
        if (time.isPositive()) return
        throw RekindleException.InvalidConfig("connectTimeout must be above 0", ErrorDetails(argument = "connectTimeout"))
    }

    /** Without the proxy, which may hold a password, and without keys. */
    override fun toString(): String = "HttpSettings(http2=$http2)"
}

/** Which proxy requests go through. */
public sealed interface Proxy {
    /** As the system says. */
    public data object System : Proxy

    /** None, whatever the system says. */
    public data object None : Proxy

    /** This one. */
    public class Url(
        /** `http://..` or `https://..`; it may hold a name and a password. */
        public val url: String,
    ) : Proxy {
        override fun toString(): String = "Url(***)"
    }
}

/** A certificate of the client's own. */
public class ClientCertificate(
    /** The certificate and those between it and its root, in PEM. */
    public val chain: ByteArray,
    private val key: ByteArray,
) {
    internal fun native() = NativeCertificate(chain, key)

    /** Without the key. */
    override fun toString(): String = "ClientCertificate(***)"
}

private fun Proxy.native(): NativeProxy? = when (this) {
    Proxy.System -> null
    Proxy.None -> NativeProxy.Direct
    is Proxy.Url -> NativeProxy.Url(url)
}
