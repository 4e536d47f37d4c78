package dev.rekindle.ktor

import dev.rekindle.Exchange
import dev.rekindle.Header
import dev.rekindle.Judgement
import dev.rekindle.Operation
import dev.rekindle.Session
import dev.rekindle.Token
import dev.rekindle.Verdict
import io.ktor.client.call.HttpClientCall
import io.ktor.client.call.save
import io.ktor.client.plugins.isSaved
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.statement.HttpResponse
import io.ktor.client.statement.bodyAsBytes
import io.ktor.client.statement.request
import io.ktor.http.ContentType
import io.ktor.http.HttpMethod
import io.ktor.http.content.OutgoingContent
import io.ktor.http.contentType
import io.ktor.util.flattenEntries

/** A call whose answer has been read, as far as it must be. */
internal class Read(val call: HttpClientCall, val body: ByteArray)

/** Asks the session what a response means; not at all where it can mean nothing. */
internal class Judge(private val session: Session) {
    private val readsSuccess = session.reads(200)

    /** Once a token was turned away, the session wants to hear of one that is accepted. */
    @Volatile
    private var isWatching = false

    fun isPlain(response: HttpResponse): Boolean =
        response.status.value < 400 && !isWatching && !isRead(response) && !response.bringsNonce()

    suspend fun read(call: HttpClientCall): Read {
        if (call.response.status.value < 400 && !isRead(call.response)) return Read(call, ByteArray(0))
        val saved = if (call.response.isSaved) call else call.save()
        return Read(saved, saved.response.bodyAsBytes())
    }

    suspend fun follow(token: Token, request: HttpRequestBuilder, read: Read): Judgement {
        val verdict = session.verdict(exchange(request, read, Operation.Http))
        val isQuiet = verdict == Verdict.Accepted && !isWatching && !read.call.response.bringsNonce()
        if (isQuiet) return Judgement.Keep(verdict, null)
        isWatching = verdict != Verdict.Accepted
        return session.judge(token, exchange(request, read, operation(request)))
    }

    private fun isRead(response: HttpResponse) = readsSuccess && response.isSaved && response.contentType().isJson()

    private fun exchange(request: HttpRequestBuilder, read: Read, operation: Operation): Exchange {
        val response = read.call.response
        return Exchange(
            method = response.request.method.value,
            url = response.request.url.toString(),
            status = response.status.value,
            headers = response.headers.flattenEntries().map { (name, value) -> Header(name, value) },
            body = read.body,
            isReplayable = request.isReplayable(),
            operation = operation,
        )
    }
}

/** For the proofs of the next requests. */
private fun HttpResponse.bringsNonce() = headers["DPoP-Nonce"] != null

/** As the request says, else as its body says. What cannot be read counts as a mutation. */
private fun operation(request: HttpRequestBuilder): Operation {
    request.attributes.getOrNull(OperationKey)?.let { return it }
    val body = request.body as? OutgoingContent
    if (request.method != HttpMethod.Post || body?.contentType?.isJson() != true) return Operation.Http
    return if (body is OutgoingContent.ByteArrayContent) Operation.of("POST", body.bytes()) else Operation.GraphqlMutation
}

private fun HttpRequestBuilder.isReplayable(): Boolean =
    attributes.getOrNull(ReplayableKey) ?: (body is OutgoingContent.ByteArrayContent || body is OutgoingContent.NoContent)

private fun ContentType?.isJson(): Boolean =
    this != null && (contentSubtype.equals("json", ignoreCase = true) || contentSubtype.endsWith("+json", ignoreCase = true))
