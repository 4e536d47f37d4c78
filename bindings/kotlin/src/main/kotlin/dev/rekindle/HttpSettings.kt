package dev.rekindle

import kotlin.time.Duration
import dev.rekindle.ffi.ClientCertificate as NativeCertificate
import dev.rekindle.ffi.HttpConfig as NativeHttp
import dev.rekindle.ffi.Proxy as NativeProxy

/**
 * Connection settings of the built-in HTTP stack, for API requests and token requests.
 *
 * ```kotlin
 * val http = HttpSettings(proxy = Proxy.Url("http://proxy.example.com:3128"), rootCertificates = listOf(companyRoot))
 * val session = Session(tokenUrl = "https://auth.example.com/token", clientId = "app", http = http)
 * ```
 *
 * The defaults are the system's roots (`SSL_CERT_FILE` and `SSL_CERT_DIR`, if set) and proxy (`HTTPS_PROXY`, `HTTP_PROXY`,
 * `ALL_PROXY`, `NO_PROXY`). Requests to loopback never use a proxy.
 */
public class HttpSettings(
    /** The proxy to use. */
    public val proxy: Proxy = Proxy.System,
    /** Root certificates to trust in addition to the system's; each element is one or more certificates in PEM. */
    public val rootCertificates: List<ByteArray> = emptyList(),
    /** The client certificate, for mutual TLS (RFC 8705). */
    public val clientCertificate: ClientCertificate? = null,
    /** Whether HTTP/2 may be used. */
    public val http2: Boolean = true,
    /** The `User-Agent` of requests that have none. */
    public val userAgent: String? = null,
    /** The limit for establishing a connection; by default 10 s. */
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

    /** Omits the proxy, which may contain a password, and keys. */
    override fun toString(): String = "HttpSettings(http2=$http2)"
}

/** The proxy that requests are sent through. */
public sealed interface Proxy {
    /** The system's setting. */
    public data object System : Proxy

    /** No proxy, even if the system has one. */
    public data object None : Proxy

    /** The proxy at this URL. */
    public class Url(
        /** `http://..` or `https://..`; it may contain a user name and a password. */
        public val url: String,
    ) : Proxy {
        override fun toString(): String = "Url(***)"
    }
}

/** A client certificate with its key. */
public class ClientCertificate(
    /** The certificate and its intermediate certificates, in PEM. */
    public val chain: ByteArray,
    private val key: ByteArray,
) {
    internal fun native() = NativeCertificate(chain, key)

    /** Omits the key. */
    override fun toString(): String = "ClientCertificate(***)"
}

private fun Proxy.native(): NativeProxy? = when (this) {
    Proxy.System -> null
    Proxy.None -> NativeProxy.Direct
    is Proxy.Url -> NativeProxy.Url(url)
}
