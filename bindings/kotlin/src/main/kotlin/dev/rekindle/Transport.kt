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
 * An HTTP stack of one's own: its proxies, its pins, its certificates. It sends one request and gives one answer: no
 * redirects, no retries, no cookies, no authentication of its own, and no timeout but for making a connection. A send
 * that is given up is cancelled.
 *
 * A [TransportException] says whether anything may have left. Of what else it throws, a refused connection, a missing
 * route and an unknown host mean that nothing has; all others, that it may.
 */
public fun interface Transport {
    /** Sends it. */
    public suspend fun send(request: TransportRequest): TransportResponse
}

/** There is no answer. */
public class TransportException(
    message: String,
    /** Whether the request may have left. */
    public val maybeSent: Boolean,
    cause: Throwable? = null,
) : Exception(message, cause)

/** One request. */
public class TransportRequest internal constructor(
    /** `GET` and so on. */
    public val method: String,
    /** Where it goes. */
    public val url: String,
    /** All headers but for those that the stack makes: `Host`, `Content-Length`. Some hold tokens. */
    public val headers: List<Header>,
    /** The body, if it is short enough to be at hand. */
    public val body: ByteArray?,
    /** Wants a connection that nobody used before: a refresh must not be sent twice by a stack that repeats by itself. */
    public val freshConnection: Boolean,
    /**
     * How long the caller waits for the response and its body; `null`: without a limit. The caller gives up by itself then
     * and cancels the send, so this is for stacks that have deadlines of their own.
     */
    public val timeout: Duration?,
    private val outgoing: OutgoingBody?,
) {
    /** Whether the body comes as it is read, by [nextChunk]. */
    public val isStreamed: Boolean get() = outgoing != null

    /** How long a body that is streamed is, if that is known. */
    public val contentLength: Long? get() = outgoing?.length()?.toLong()

    /** The next piece of a body that is streamed; nothing at its end. */
    public suspend fun nextChunk(): ByteArray? = try {
        outgoing?.next()
    } catch (broken: BodyFailure) {
        throw TransportException(broken.message.orEmpty(), maybeSent = true, cause = broken)
    }

    override fun toString(): String = "TransportRequest($method ${place(url)})"
}

/** One answer. Without `Content-Encoding` and `Content-Length` where the stack has decoded the body. */
public class TransportResponse(
    /** The status. */
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

/** The body of an answer. */
public sealed interface ResponseBody {
    /** It has been read. */
    public class Bytes(
        /** All of it. */
        public val bytes: ByteArray,
    ) : ResponseBody

    /** It comes as it is read, once: it cannot be the body of another answer too. */
    public class Stream(
        /** Where it comes from. */
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

/** Bytes, piece by piece. */
public interface BodySource {
    /** The next piece; nothing at the end. */
    public suspend fun next(): ByteArray?

    /** Nobody will read on: whatever holds it is to be let go. */
    public fun release() {}
}

/** A header. Its text shows the name alone: values may be tokens. */
public class Header(
    /** Its name. */
    public val name: String,
    /** Its value. */
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
        // Another's text could quote the request.
        else -> TransportFailure.MaybeSent("the transport threw ${thrown.javaClass.simpleName}")
    }
}

/** A source of the user's, as the native half reads it. */
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
