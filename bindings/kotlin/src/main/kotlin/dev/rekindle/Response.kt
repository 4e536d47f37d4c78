package dev.rekindle

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import java.nio.charset.Charset
import kotlin.time.Duration
import dev.rekindle.ffi.Answer
import dev.rekindle.ffi.ResponseHead
import dev.rekindle.ffi.Response as NativeResponse

/** A redirect that was followed. */
public data class Redirect(
    /** Its status. */
    val status: Int,
    /** The URL that was requested. */
    val url: String,
)

/** Headers with case-insensitive names. [toString] shows only the names, because values may be cookies or tokens. */
public class Headers internal constructor(private val pairs: List<Header>) : Iterable<Header> {
    /** The value of the header of this name; several values are joined by commas. */
    public operator fun get(name: String): String? = all(name).takeIf { it.isNotEmpty() }?.joinToString(", ")

    /** All values of the headers of this name, in order. */
    public fun all(name: String): List<String> = pairs.filter { it.name.equals(name, ignoreCase = true) }.map { it.value }

    override fun iterator(): Iterator<Header> = pairs.iterator()

    override fun toString(): String = "Headers(${pairs.map { it.name }.distinct()})"
}

/** A response. Its body has been read, or is streamed ([Client.stream]). [toString] shows no secret. */
public class Response private constructor(
    private val native: NativeResponse,
    head: ResponseHead,
    /** The whole body, if it has been read. */
    private val whole: ByteArray?,
) : AutoCloseable {
    /** From the result of one native call. */
    internal constructor(answer: Answer) : this(answer.response, answer.head, answer.body)

    internal constructor(native: NativeResponse) : this(native, native.head(), native.body())

    /** The HTTP status code. */
    public val status: Int = head.status.toInt()

    /** The URL of this response, after redirects. */
    public val url: String = head.url

    /** The HTTP version, such as `HTTP/1.1`. */
    public val version: String = head.version

    /** The headers, in order. */
    public val headers: Headers = Headers(head.headers.map { it.told() })

    /** The redirects that were followed, in order. */
    public val history: List<Redirect> = head.history.map { Redirect(it.status.toInt(), it.url) }

    /** The time from the call to the response's head. */
    public val elapsed: Duration = head.elapsed.kotlin()

    /** Whether the status is from 200 to 299. */
    public val isSuccessful: Boolean get() = status in 200..299

    /**
     * What the response says about the session's token; `null` if the request carried none. While a streamed body is read,
     * this may change.
     */
    public val verdict: Verdict? get() = native { native.head() }.verdict?.told()

    /** Why the request was not sent again although its token was rejected; `null` otherwise. */
    public val replayRefused: String? get() = native { native.head() }.replayRefused

    /** The whole body. */
    public suspend fun bytes(): ByteArray = whole?.copyOf() ?: using { native.body() ?: native.bytes() }

    /** The whole body as text, in the charset of `Content-Type`, by default UTF-8. Malformed input is replaced. */
    public suspend fun text(): String = String(whole ?: bytes(), charset())

    /**
     * Passes the body's text to [read]. If [read] throws, throws [RekindleException.InvalidResponse] with this response.
     *
     * ```kotlin
     * val users = response.decode { Json.decodeFromString<List<User>>(it) }
     * ```
     */
    public suspend fun <T> decode(read: (String) -> T): T {
        val text = text()
        try {
            return read(text)
        } catch (wrong: Exception) {
            // Not as the cause: a parser's message quotes the body.
            throw problem(native.invalid("the body is not what was asked for (${wrong.javaClass.simpleName})"))
        }
    }

    /** The body in chunks, as they arrive. */
    public fun chunks(): Flow<ByteArray> = flow {
        val whole = whole?.copyOf() ?: native { native.body() }
        if (whole != null) {
            if (whole.isNotEmpty()) emit(whole)
            return@flow
        }
        while (true) emit(using { native.chunk() } ?: break)
    }

    /** Returns this response, or throws [RekindleException.HttpStatus] if its status is 400 or above. */
    public fun throwForStatus(): Response {
        native { native.errorForStatus() }
        return this
    }

    /** Discards what has not been read, and closes its connection. */
    override fun close(): Unit = native.discard()

    override fun toString(): String = "Response($status from ${place(url)})"

    private suspend inline fun <T> using(crossinline call: suspend () -> T): T = native { call() }

    private fun charset(): Charset {
        val name = headers["content-type"]?.split(';')?.drop(1)?.map { it.trim().split('=', limit = 2) }
            ?.firstOrNull { it.size == 2 && it[0].equals("charset", ignoreCase = true) }?.get(1)?.trim('"', '\'')
        return name?.let { runCatching { Charset.forName(it) }.getOrNull() } ?: Charsets.UTF_8
    }
}
