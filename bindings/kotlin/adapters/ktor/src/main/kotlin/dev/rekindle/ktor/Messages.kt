package dev.rekindle.ktor

import dev.rekindle.CallRequest
import dev.rekindle.CallResponse
import dev.rekindle.Content
import dev.rekindle.Header
import dev.rekindle.Operation
import io.ktor.client.call.HttpClientCall
import io.ktor.client.call.save
import io.ktor.client.plugins.isSaved
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.statement.bodyAsBytes
import io.ktor.http.HeadersBuilder
import io.ktor.http.content.OutgoingContent
import io.ktor.util.flattenEntries

internal class KtorRequest(private val request: HttpRequestBuilder) : CallRequest {
    override val method: String = request.method.value
    override val url: String = request.url.buildString()
    override val operation: Operation? get() = request.attributes.getOrNull(OperationKey)

    override fun has(header: String): Boolean = header in request.headers

    override fun headers(): List<Header> {
        val type = (request.body as? OutgoingContent)?.contentType?.let { Header("content-type", it.toString()) }
        return request.headers.all() + listOfNotNull(type)
    }

    override fun content(): Content {
        val body = request.body
        val isReplayable = request.attributes.getOrNull(ReplayableKey)
        return when {
            isReplayable == false -> Content.Once
            body is OutgoingContent.ByteArrayContent -> Content.Bytes(body.bytes())
            body is OutgoingContent.NoContent -> Content.None
            isReplayable == true -> Content.Replayable
            else -> Content.Once
        }
    }
}

internal class KtorResponse(call: HttpClientCall) : CallResponse {
    /** The call. Its response has been saved if its body was read. */
    var call: HttpClientCall = call
        private set

    override val status: Int get() = call.response.status.value

    override fun headers(): List<Header> = call.response.headers.flattenEntries().map { (name, value) -> Header(name, value) }

    /** Ktor reads whole bodies or none. A streamed body of a successful response is left to the caller. */
    override suspend fun peek(limit: Long): ByteArray {
        if (!call.response.isSaved) {
            if (status < 400) return ByteArray(0)
            call = call.save()
        }
        val body = call.response.bodyAsBytes()
        return if (body.size > limit) body.copyOf(limit.toInt()) else body
    }
}

private fun HeadersBuilder.all() = entries().flatMap { (name, values) -> values.map { Header(name, it) } }
