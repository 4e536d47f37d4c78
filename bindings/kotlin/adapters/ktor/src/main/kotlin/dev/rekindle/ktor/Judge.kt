package dev.rekindle.ktor

import dev.rekindle.Exchange
import dev.rekindle.Header
import dev.rekindle.Operation
import dev.rekindle.ResponseJudge
import io.ktor.client.call.HttpClientCall
import io.ktor.client.call.save
import io.ktor.client.plugins.isSaved
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.statement.HttpResponse
import io.ktor.client.statement.bodyAsBytes
import io.ktor.client.statement.request
import io.ktor.http.HttpMethod
import io.ktor.http.content.OutgoingContent
import io.ktor.util.flattenEntries

internal fun ResponseJudge.wants(response: HttpResponse): Boolean =
    wants(response.status.value, response.judgedType(), response.headers["DPoP-Nonce"])

/** The call, its answer read as far as it must be to be judged. */
internal suspend fun ResponseJudge.read(call: HttpClientCall): HttpClientCall =
    if (call.response.isSaved || !reads(call.response.status.value, null)) call else call.save()

internal suspend fun ResponseJudge.exchange(request: HttpRequestBuilder, response: HttpResponse): Exchange {
    val reads = reads(response.status.value, response.judgedType())
    return Exchange(
        method = response.request.method.value,
        url = response.request.url.toString(),
        status = response.status.value,
        headers = response.headers.flattenEntries().map { (name, value) -> Header(name, value) },
        body = if (reads) response.bodyAsBytes() else ByteArray(0),
        isReplayable = request.isReplayable(),
    )
}

/** A success that is streamed is judged without its body. */
private fun HttpResponse.judgedType() = headers["Content-Type"].takeIf { isSaved }

/** As the request says, else as its body says. What cannot be read counts as a mutation. */
internal fun operation(request: HttpRequestBuilder): Operation {
    request.attributes.getOrNull(OperationKey)?.let { return it }
    val body = request.body as? OutgoingContent
    val isJson = body?.contentType?.let { ResponseJudge.isJson(it.toString()) } == true
    if (request.method != HttpMethod.Post || !isJson) return Operation.Http
    return if (body is OutgoingContent.ByteArrayContent) Operation.of("POST", body.bytes()) else Operation.GraphqlMutation
}

private fun HttpRequestBuilder.isReplayable(): Boolean =
    attributes.getOrNull(ReplayableKey) ?: (body is OutgoingContent.ByteArrayContent || body is OutgoingContent.NoContent)
