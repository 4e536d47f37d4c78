package dev.rekindle.okhttp

import dev.rekindle.CallRequest
import dev.rekindle.CallResponse
import dev.rekindle.Content
import dev.rekindle.Header
import dev.rekindle.Operation
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.Response
import okio.Buffer

/** The longest request body that is read to find its GraphQL operation, in bytes. */
private const val MOST_ASKED: Long = 1024L * 1024

/** How much of a response's body is kept with an exception, in bytes. */
private const val MOST_KEPT: Long = 8L * 1024 * 1024

internal class OkHttpRequest(private val request: Request) : CallRequest {
    override val method: String get() = request.method
    override val url: String get() = request.url.toString()
    override val operation: Operation? get() = request.tag(Operation::class.java)

    override fun has(header: String): Boolean = request.header(header) != null

    override fun headers(): List<Header> {
        val type = request.body?.contentType()?.let { Header("content-type", it.toString()) }
        return request.headers.map { (name, value) -> Header(name, value) } + listOfNotNull(type)
    }

    override fun content(): Content {
        val body = request.body ?: return Content.None
        return when {
            body.isOneShot() || body.isDuplex() -> Content.Once
            body.mayBeGraphql() -> Content.Bytes(Buffer().also(body::writeTo).readByteArray())
            else -> Content.Replayable
        }
    }

    /** Other bodies are not written a second time only to be inspected. */
    private fun RequestBody.mayBeGraphql() =
        method == "POST" && contentType()?.subtype.orEmpty().contains("json") && contentLength() in 0..MOST_ASKED
}

internal class OkHttpResponse(private val response: Response) : CallResponse {
    override val status: Int get() = response.code

    override fun headers(): List<Header> = response.headers.map { (name, value) -> Header(name, value) }

    override suspend fun peek(limit: Long): ByteArray = response.peekBody(limit).bytes()
}

/** The response with the beginning of its body in memory, so that it can be read after the call. */
internal fun Response.kept(): Response = newBuilder().body(peekBody(MOST_KEPT)).build()
