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
 * An HTTP client whose session stays alive; for any number of coroutines.
 *
 * ```kotlin
 * val client = Client(session, baseUrl = "https://api.example.com")
 * val text = client.get("/data").throwForStatus().text()
 * ```
 */
public class Client private constructor(
    /** The session that it stands on. */
    public val session: Session,
    private val native: NativeClient,
) : AutoCloseable {
    @Volatile
    private var isClosed = false

    /**
     * Makes it.
     *
     * @param baseUrl what relative URLs are below; the session's token is for its origin.
     * @param headers sent with every request.
     * @param timeout how long a request may take, refreshes, replays and its body included.
     * @param maxRedirects how many redirects are followed.
     * @param maxSends how often a request is sent at most where it failed by itself.
     * @param retryStatuses the statuses after which it is sent again, where that is safe; without them, 408, 429, 502, 503, 504.
     * @param maxBodyBytes how long a body may be that is read whole; a longer one is an error. A stream has no limit.
     * @param graphqlPath where [graphql] asks.
     * @param transport an HTTP stack of one's own; without it, the session's.
     * @param http how the built-in stack connects, where that differs from the session's; not with a transport of one's own.
     * @throws RekindleException.InvalidConfig naming the setting that makes no sense.
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
     * Sends a request and reads its answer.
     *
     * @param url below the base URL, or whole.
     * @param query added to the URL's query, encoded.
     * @param headers beside the client's own.
     * @param timeout instead of the client's.
     * @param idempotencyKey lets a request that is not idempotent be sent again.
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

    /** Sends a request whose answer's body comes as it is read, in [use]; what is left of it then is given up. */
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

    /** A GET. */
    public suspend fun get(
        url: String,
        query: Map<String, String> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        timeout: Duration? = null,
    ): Response = request("GET", url, query, headers, timeout = timeout)

    /** A HEAD. */
    public suspend fun head(
        url: String,
        query: Map<String, String> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        timeout: Duration? = null,
    ): Response = request("HEAD", url, query, headers, timeout = timeout)

    /** A POST. */
    public suspend fun post(
        url: String,
        body: Body? = null,
        headers: Map<String, String> = emptyMap(),
        timeout: Duration? = null,
        idempotencyKey: String? = null,
    ): Response = request("POST", url, emptyMap(), headers, body, timeout, idempotencyKey)

    /** A PUT. */
    public suspend fun put(
        url: String,
        body: Body? = null,
        headers: Map<String, String> = emptyMap(),
        timeout: Duration? = null,
    ): Response = request("PUT", url, emptyMap(), headers, body, timeout)

    /** A PATCH. */
    public suspend fun patch(
        url: String,
        body: Body? = null,
        headers: Map<String, String> = emptyMap(),
        timeout: Duration? = null,
    ): Response = request("PATCH", url, emptyMap(), headers, body, timeout)

    /** A DELETE. */
    public suspend fun delete(
        url: String,
        body: Body? = null,
        headers: Map<String, String> = emptyMap(),
        timeout: Duration? = null,
    ): Response = request("DELETE", url, emptyMap(), headers, body, timeout)

    /**
     * The data of a GraphQL answer, as JSON; [RekindleException.GraphQL] where it holds errors.
     *
     * @param variables JSON too: an object.
     */
    public suspend fun graphql(query: String, variables: String = "{}"): String {
        open()
        return session.calling { native.graphql(query, variables) }
    }

    /** No further requests; the session goes on. */
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

/** What is no status is the other side's to refuse. */
private fun status(number: Int): UShort = number.takeIf { it in 0..UShort.MAX_VALUE.toInt() }?.toUShort() ?: 0u

private fun length(name: String, bytes: Long): ULong {
    if (bytes <= 0) throw RekindleException.InvalidConfig("$name must be above 0")
    return bytes.toULong()
}
