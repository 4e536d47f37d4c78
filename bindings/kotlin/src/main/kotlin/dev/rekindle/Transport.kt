package dev.rekindle

import dev.rekindle.ffi.BodyFailure
import java.net.ConnectException
import java.net.NoRouteToHostException
import java.net.UnknownHostException
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.time.Duration
import dev.rekindle.ffi.BodySource as NativeSource
import dev.rekindle.ffi.Header as NativeHeader
import dev.rekindle.ffi.OutgoingBody
import dev.rekindle.ffi.Transport as NativeTransport
import dev.rekindle.ffi.TransportFailure
import dev.rekindle.ffi.TransportRequest as NativeRequest
import dev.rekindle.ffi.TransportResponse as NativeResponse

/**
 * Your own HTTP stack, with its proxies, pins and certificates. It sends one request and returns one response. It must not
 * follow redirects, retry, handle cookies or authentication, or have a timeout other than for connecting. A send whose
 * caller gives up is cancelled.
 *
 * A [TransportException] says whether the request may have been sent. Of other exceptions, those for a refused connection, a
 * missing route and an unknown host mean that it was not sent; all others mean that it may have been.
 */
public fun interface Transport {
    /** Sends a request. */
    public suspend fun send(request: TransportRequest): TransportResponse
}

/** A request got no response. */
public class TransportException(
    message: String,
    /** Whether the request may have been sent. */
    public val maybeSent: Boolean,
    cause: Throwable? = null,
) : Exception(message, cause)

/** A request to send. */
public class TransportRequest internal constructor(
    /** `GET` and so on. */
    public val method: String,
    /** The absolute URL. */
    public val url: String,
    /** All headers except those that the HTTP stack sets: `Host`, `Content-Length`. Some contain tokens. */
    public val headers: List<Header>,
    /** The body, unless it is streamed. */
    public val body: ByteArray?,
    /** Whether to use a new connection: HTTP stacks may resend a request on a stale one, and a refresh must not be sent twice. */
    public val freshConnection: Boolean,
    /**
     * How long the caller waits for the response and its body; `null`: no limit. Then the caller cancels the send, so only
     * stacks with deadlines of their own need this.
     */
    public val timeout: Duration?,
    private val outgoing: OutgoingBody?,
) {
    /** Whether the body is streamed, by [nextChunk]. */
    public val isStreamed: Boolean get() = outgoing != null

    /** The length of a streamed body, if that is known. */
    public val contentLength: Long? get() = outgoing?.length()?.toLong()

    /** The next chunk of a streamed body; `null` at its end. */
    public suspend fun nextChunk(): ByteArray? = try {
        outgoing?.next()
    } catch (broken: BodyFailure) {
        throw TransportException(broken.message.orEmpty(), maybeSent = true, cause = broken)
    }

    override fun toString(): String = "TransportRequest($method ${place(url)})"
}

/** A response. Leave out `Content-Encoding` and `Content-Length` if the stack has decoded the body. */
public class TransportResponse(
    /** The HTTP status code. */
    public val status: Int,
    /** All headers. */
    public val headers: List<Header> = emptyList(),
    /** The body. */
    public val body: ResponseBody = ResponseBody.Bytes(ByteArray(0)),
    /** `HTTP/1.1`, `HTTP/2`, .. */
    public val version: String = "HTTP/1.1",
) {
    override fun toString(): String = "TransportResponse($status)"
}

/** The body of a response. */
public sealed interface ResponseBody {
    /** A body that has been read. */
    public class Bytes(
        /** The whole body. */
        public val bytes: ByteArray,
    ) : ResponseBody

    /** A streamed body. It can be used in only one response. */
    public class Stream(
        /** The source of the chunks. */
        public val source: BodySource,
    ) : ResponseBody {
        private val isTaken = AtomicBoolean()

        internal fun take(): BodySource {
            if (isTaken.getAndSet(true)) {
                throw TransportException("the transport gave a streamed body a second time: make a new one", maybeSent = true)
            }
            return source
        }
    }
}

/** A source of bytes, chunk by chunk. */
public interface BodySource {
    /** The next chunk; `null` at the end. */
    public suspend fun next(): ByteArray?

    /** The rest will not be read: release the source's resources. */
    public fun release() {}
}

/** A header. [toString] shows only the name, because the value may be a token. */
public class Header(
    /** The name. */
    public val name: String,
    /** The value. */
    public val value: String,
) {
    override fun toString(): String = "$name: ***"

    override fun equals(other: Any?): Boolean = other is Header && name == other.name && value == other.value

    override fun hashCode(): Int = 31 * name.hashCode() + value.hashCode()

    internal fun native() = NativeHeader(name, value)
}

internal fun NativeHeader.told() = Header(name, value)

internal fun place(url: String): String = url.substringBefore('?').substringBefore('#')

internal class HostTransport(private val transport: Transport, private val inside: Any) : NativeTransport {
    override suspend fun send(request: NativeRequest): NativeResponse = hosted(inside, ::failure) {
        val headers = request.headers.map { it.told() }
        val answer = transport.send(
            TransportRequest(
                request.method, request.url, headers, request.body, request.freshConnection,
                request.timeout?.kotlin(), request.stream,
            ),
        )
        val status = answer.status.takeIf { it in 0..UShort.MAX_VALUE.toInt() } ?: 0
        val body = answer.body
        NativeResponse(
            status.toUShort(),
            answer.version,
            answer.headers.map(Header::native),
            (body as? ResponseBody.Bytes)?.bytes,
            (body as? ResponseBody.Stream)?.let { HostSource(it.take(), inside) },
        )
    }

    private fun failure(thrown: Throwable): Exception = when {
        thrown is TransportException && thrown.maybeSent -> TransportFailure.MaybeSent(thrown.message.orEmpty())
        thrown is TransportException -> TransportFailure.NotSent(thrown.message.orEmpty())
        thrown is ConnectException -> TransportFailure.NotSent("the connection was refused")
        thrown is UnknownHostException -> TransportFailure.NotSent("the host is not known")
        thrown is NoRouteToHostException -> TransportFailure.NotSent("there is no route to the host")
        // Another exception's message could contain the request.
        else -> TransportFailure.MaybeSent("the transport threw ${thrown.javaClass.simpleName}")
    }
}

/** A user's source, as the native library reads it. */
internal class HostSource(private val source: BodySource, private val inside: Any) : NativeSource {
    override suspend fun next(): ByteArray? = hosted(inside, ::broken) { source.next() }

    override fun release() {
        try {
            source.release()
        } catch (thrown: Throwable) {
            throw broken(thrown)
        }
    }
}

internal fun broken(thrown: Throwable): Exception =
    thrown as? BodyFailure ?: BodyFailure.Failed("the body's source threw ${thrown.javaClass.simpleName}")
