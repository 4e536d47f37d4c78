package dev.rekindle.apollo

import com.apollographql.apollo.api.http.HttpMethod
import com.apollographql.apollo.api.http.HttpRequest
import com.apollographql.apollo.api.http.HttpResponse
import dev.rekindle.CallRequest
import dev.rekindle.CallResponse
import dev.rekindle.Content
import dev.rekindle.Header
import dev.rekindle.Operation
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import okio.Buffer

internal class ApolloHttpRequest(private val request: HttpRequest) : CallRequest {
    override val method: String get() = if (request.method == HttpMethod.Get) "GET" else "POST"
    override val url: String get() = request.url

    /** As [OperationInterceptor] found it. */
    override val operation: Operation? get() = request.executionContext[OperationContext]?.operation

    override fun headers(): List<Header> {
        val type = request.body?.contentType?.let { Header("content-type", it) }
        return request.headers.map { Header(it.name, it.value) } + listOfNotNull(type)
    }

    override fun content(): Content {
        val body = request.body ?: return Content.None
        return when {
            body.contentType.startsWith("multipart/") -> Content.Once
            body.contentType.startsWith("application/json") -> Content.Bytes(Buffer().also(body::writeTo).readByteArray())
            else -> Content.Replayable
        }
    }
}

internal class ApolloHttpResponse(private val response: HttpResponse) : CallResponse {
    override val status: Int get() = response.statusCode

    override fun headers(): List<Header> = response.headers.map { Header(it.name, it.value) }

    override suspend fun peek(limit: Long): ByteArray = withContext(Dispatchers.IO) {
        val peeked = response.body?.peek() ?: return@withContext ByteArray(0)
        peeked.request(limit)
        peeked.buffer.readByteArray(minOf(peeked.buffer.size, limit))
    }
}
