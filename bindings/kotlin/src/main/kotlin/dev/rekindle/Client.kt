package dev.rekindle

import dev.rekindle.ffi.Answer
import dev.rekindle.ffi.RequestBody
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import dev.rekindle.ffi.Client as NativeClient
import dev.rekindle.ffi.ClientConfig as NativeConfig
import dev.rekindle.ffi.Header as NativeHeader
import dev.rekindle.ffi.Request as NativeRequest

/**
 * An HTTP client that sends requests with a session's access token. Safe for concurrent use by any number of coroutines.
 *
 * ```kotlin
 * val client = Client(session, baseUrl = "https://api.example.com")
 * val text = client.get("/data").throwForStatus().text()
 * ```
 */
public class Client private constructor(
    /** The session whose token the requests carry. */
    public val session: Session,
    private val native: NativeClient,
) : AutoCloseable {
    @Volatile
    private var isClosed = false

    /**
     * Creates a client.
     *
     * @param baseUrl the URL that relative URLs are resolved below. Its origin receives the session's token.
     * @param headers sent with every request.
     * @param timeout the limit for a whole request, including refreshes, replays and reading the body.
     * @param maxRedirects the maximum number of redirects to follow.
     * @param maxSends the maximum number of times a request is sent when it fails with a transient error.
     * @param retryStatuses the statuses after which a request is sent again, if that is safe; by default 408, 429, 502, 503 and 504.
     * @param maxBodyBytes the maximum length of a response body that is read whole; a longer body is an error. Streams have no limit.
     * @param graphqlPath the path that [graphql] sends to.
     * @param transport your own HTTP stack, instead of the session's.
     * @param http connection settings of the built-in stack, if they differ from the session's. Not allowed with `transport`.
     * @throws RekindleException.InvalidConfig a setting is invalid; the message names it.
     */
    public constructor(
        session: Session,
        baseUrl: String? = null,
        headers: Map<String, String> = emptyMap(),
        timeout: Duration = 60.seconds,
        maxRedirects: Int = 10,
        maxSends: Int = 3,
        retryStatuses: Set<Int>? = null,
        maxBodyBytes: Long = 256L * 1024 * 1024,
        graphqlPath: String = "/graphql",
        transport: Transport? = null,
        http: HttpSettings? = null,
    ) : this(
        session,
        native {
            session.open()
            val config = NativeConfig(
                baseUrl,
                headers.pairs(),
                timeout.crossing("timeout"),
                count("maxRedirects", maxRedirects),
                count("maxSends", maxSends),
                retryStatuses?.map(::status),
                length("maxBodyBytes", maxBodyBytes),
                graphqlPath,
                http?.native(),
            )
            NativeClient(session.native, config, transport?.let { HostTransport(it, session.mark) })
        },
    )

    /**
     * Sends a request and reads the whole response.
     *
     * @param url absolute, or relative to the base URL.
     * @param query parameters to encode and add to the URL's query.
     * @param headers added to the client's own headers.
     * @param timeout replaces the client's timeout.
     * @param idempotencyKey sent as `Idempotency-Key`; allows a request with a non-idempotent method to be sent again.
     */
    public suspend fun request(
        method: String,
        url: String,
        query: Map<String, String> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        body: Body? = null,
        timeout: Duration? = null,
        idempotencyKey: String? = null,
        followRedirects: Boolean = true,
    ): Response = Response(send(method, url, query, headers, body, timeout, idempotencyKey, followRedirects, false))

    /** Sends a request whose response body is streamed to [use]. When [use] returns, the rest of the body is discarded. */
    public suspend fun <T> stream(
        method: String,
        url: String,
        query: Map<String, String> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        body: Body? = null,
        timeout: Duration? = null,
        idempotencyKey: String? = null,
        followRedirects: Boolean = true,
        use: suspend (Response) -> T,
    ): T {
        val answer = send(method, url, query, headers, body, timeout, idempotencyKey, followRedirects, true)
        return Response(answer).use { use(it) }
    }

    /** Sends a GET request. */
    public suspend fun get(
        url: String,
        query: Map<String, String> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        timeout: Duration? = null,
    ): Response = request("GET", url, query, headers, timeout = timeout)

    /** Sends a HEAD request. */
    public suspend fun head(
        url: String,
        query: Map<String, String> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        timeout: Duration? = null,
    ): Response = request("HEAD", url, query, headers, timeout = timeout)

    /** Sends a POST request. */
    public suspend fun post(
        url: String,
        body: Body? = null,
        headers: Map<String, String> = emptyMap(),
        timeout: Duration? = null,
        idempotencyKey: String? = null,
    ): Response = request("POST", url, emptyMap(), headers, body, timeout, idempotencyKey)

    /** Sends a PUT request. */
    public suspend fun put(
        url: String,
        body: Body? = null,
        headers: Map<String, String> = emptyMap(),
        timeout: Duration? = null,
    ): Response = request("PUT", url, emptyMap(), headers, body, timeout)

    /** Sends a PATCH request. */
    public suspend fun patch(
        url: String,
        body: Body? = null,
        headers: Map<String, String> = emptyMap(),
        timeout: Duration? = null,
    ): Response = request("PATCH", url, emptyMap(), headers, body, timeout)

    /** Sends a DELETE request. */
    public suspend fun delete(
        url: String,
        body: Body? = null,
        headers: Map<String, String> = emptyMap(),
        timeout: Duration? = null,
    ): Response = request("DELETE", url, emptyMap(), headers, body, timeout)

    /**
     * Sends a GraphQL request and returns the `data` of the response, as JSON.
     *
     * @param variables a JSON object.
     * @throws RekindleException.GraphQL the response contains errors.
     */
    public suspend fun graphql(query: String, variables: String = "{}"): String {
        open()
        return session.calling { native.graphql(query, variables) }
    }

    /** Closes the client: further requests throw [RekindleException.Misuse]. The session stays usable. */
    override fun close() {
        isClosed = true
        native.close()
    }

    override fun toString(): String = if (isClosed) "Client(closed)" else native { native.toString() }

    private suspend fun send(
        method: String,
        url: String,
        query: Map<String, String>,
        headers: Map<String, String>,
        body: Body?,
        timeout: Duration?,
        idempotencyKey: String?,
        followRedirects: Boolean,
        streamed: Boolean,
    ): Answer {
        open()
        val request = NativeRequest(
            method,
            url,
            query.pairs(),
            headers.pairs(),
            body?.make?.invoke(session.mark) ?: RequestBody.Empty,
            timeout?.crossing("timeout"),
            idempotencyKey,
            followRedirects,
            streamed,
        )
        return session.calling { native.request(request) }
    }

    private fun open() {
        if (isClosed) throw closed("client")
    }
}

private fun Map<String, String>.pairs() = map { (name, value) -> NativeHeader(name, value) }

private fun count(name: String, number: Int): UInt {
    if (number < 0) throw RekindleException.InvalidConfig("$name must not be negative")
    return number.toUInt()
}

/** An invalid status becomes 0, which the native library rejects. */
private fun status(number: Int): UShort = number.takeIf { it in 0..UShort.MAX_VALUE.toInt() }?.toUShort() ?: 0u

private fun length(name: String, bytes: Long): ULong {
    if (bytes <= 0) throw RekindleException.InvalidConfig("$name must be above 0")
    return bytes.toULong()
}
