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
    /** What had been asked. */
    val url: String,
)

/** Headers of any case. Their text shows the names alone: values may be cookies and tokens. */
public class Headers internal constructor(private val pairs: List<Header>) : Iterable<Header> {
    /** The value of a name; of several, joined by commas. */
    public operator fun get(name: String): String? = all(name).takeIf { it.isNotEmpty() }?.joinToString(", ")

    /** All values of a name, in order. */
    public fun all(name: String): List<String> = pairs.filter { it.name.equals(name, ignoreCase = true) }.map { it.value }

    override fun iterator(): Iterator<Header> = pairs.iterator()

    override fun toString(): String = "Headers(${pairs.map { it.name }.distinct()})"
}

/** A response. Its body is here, or ([Client.stream]) comes as it is read. Its text shows no secret. */
public class Response private constructor(
    private val native: NativeResponse,
    head: ResponseHead,
    /** What has been read of it already: all. */
    private val whole: ByteArray?,
) : AutoCloseable {
    /** Everything has come in one crossing. */
    internal constructor(answer: Answer) : this(answer.response, answer.head, answer.body)

    internal constructor(native: NativeResponse) : this(native, native.head(), native.body())

    /** The status. */
    public val status: Int = head.status.toInt()

    /** Where the answer is from, after redirects. */
    public val url: String = head.url

    /** `HTTP/1.1`, .. */
    public val version: String = head.version

    /** In order. */
    public val headers: Headers = Headers(head.headers.map { it.told() })

    /** The redirects that were followed. */
    public val history: List<Redirect> = head.history.map { Redirect(it.status.toInt(), it.url) }

    /** From the call to the answer's head. */
    public val elapsed: Duration = head.elapsed.kotlin()

    /** Whether the status is of the 200s. */
    public val isSuccessful: Boolean get() = status in 200..299

    /**
     * What it says about the session's token; nothing where the request carried none. Of a body that comes as it is read,
     * this may change while it is read.
     */
    public val verdict: Verdict? get() = native { native.head() }.verdict?.told()

    /** Why the request was not sent again although its token was turned away. */
    public val replayRefused: String? get() = native { native.head() }.replayRefused

    /** The whole body. */
    public suspend fun bytes(): ByteArray = whole?.copyOf() ?: using { native.body() ?: native.bytes() }

    /** The whole body as text, in the charset that the server names; what does not decode is replaced. */
    public suspend fun text(): String = String(whole ?: bytes(), charset())

    /**
     * The whole body, as [read] reads it; where that throws, [RekindleException.InvalidResponse] with this response.
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

    /** The body as it comes. */
    public fun chunks(): Flow<ByteArray> = flow {
        val whole = whole?.copyOf() ?: native { native.body() }
        if (whole != null) {
            if (whole.isNotEmpty()) emit(whole)
            return@flow
        }
        while (true) emit(using { native.chunk() } ?: break)
    }

    /** Itself; [RekindleException.HttpStatus] for a status of 400 or above. */
    public fun throwForStatus(): Response {
        native { native.errorForStatus() }
        return this
    }

    /** Gives up what has not been read, and the connection with it. */
    override fun close(): Unit = native.discard()

    override fun toString(): String = "Response($status from ${place(url)})"

    private suspend inline fun <T> using(crossinline call: suspend () -> T): T = native { call() }

    private fun charset(): Charset {
        val name = headers["content-type"]?.split(';')?.drop(1)?.map { it.trim().split('=', limit = 2) }
            ?.firstOrNull { it.size == 2 && it[0].equals("charset", ignoreCase = true) }?.get(1)?.trim('"', '\'')
        return name?.let { runCatching { Charset.forName(it) }.getOrNull() } ?: Charsets.UTF_8
    }
}
