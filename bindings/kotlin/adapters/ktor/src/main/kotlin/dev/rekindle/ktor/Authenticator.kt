package dev.rekindle.ktor

import dev.rekindle.Added
import dev.rekindle.Call
import dev.rekindle.Judged
import dev.rekindle.Next
import dev.rekindle.RekindleException
import dev.rekindle.Session
import dev.rekindle.Verdict
import io.ktor.client.call.HttpClientCall
import io.ktor.client.call.replaceResponse
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.request.takeFrom
import io.ktor.client.statement.HttpResponse
import io.ktor.http.Headers
import io.ktor.http.HttpHeaders
import io.ktor.util.AttributeKey
import io.ktor.util.appendAll
import io.ktor.utils.io.InternalAPI
import kotlinx.coroutines.CompletableJob

/** Sends each hop of a request, and sends it again when the session says so. */
internal class Authenticator(private val session: Session) {
    init {
        session.requireOrigins()
    }

    suspend fun send(request: HttpRequestBuilder, proceed: suspend (HttpRequestBuilder) -> HttpClientCall): HttpClientCall {
        val (trail, first) = begin(request)
        val call = trail.call
        if (call.hasLeft) leaveBehind(request)
        var added = first
        while (!call.isUnsigned) {
            val response = KtorResponse(proceed(signed(request, added)))
            when (val next = told(response) { call.answered(response) }) {
                is Next.Keep -> return kept(response.call, next.judged).also { trail.judged = next.judged }
                is Next.SendAgain -> added = next.added
            }
        }
        trail.judged = null
        return proceed(request)
    }

    /** Ktor sends redirects and retries as new requests with the attributes of the first one. */
    private suspend fun begin(request: HttpRequestBuilder): Pair<RedirectTrail, Added> {
        val here = KtorRequest(request)
        val before = request.attributes.getOrNull(RedirectTrail.Key)
        if (before != null && (before.call.hasLeft || before.call.url != here.url)) {
            return before to before.call.redirected(here)
        }
        val trail = RedirectTrail(session.call(here))
        request.attributes.put(RedirectTrail.Key, trail)
        return trail to trail.call.headers()
    }
}

/** A request and its redirects. */
internal class RedirectTrail(val call: Call) {
    /** What the last response said about the token. */
    @Volatile
    var judged: Judged? = null

    companion object {
        val Key: AttributeKey<RedirectTrail> = AttributeKey("RekindleRedirectTrail")
    }
}

/** The response without `Location` if it redirects to a login page (spec 2.11), because Ktor would follow it. */
@OptIn(InternalAPI::class)
private fun kept(call: HttpClientCall, judged: Judged?): HttpClientCall {
    if (call.response.status.value !in 300..399 || judged == null || judged.verdict == Verdict.Accepted) return call
    val headers = Headers.build {
        appendAll(call.response.headers)
        remove(HttpHeaders.Location)
    }
    return call.replaceResponse(headers) { rawContent }
}

/** Removes possible credentials from a redirect's request. A cookie jar adds the new URL's cookies after this. */
private fun leaveBehind(request: HttpRequestBuilder) =
    request.headers.names().filterNot(Call::mayTravel).forEach(request.headers::remove)

/** A signed copy of the request, because headers of the original would be sent with its redirects. It ends with the original. */
private fun signed(request: HttpRequestBuilder, added: Added): HttpRequestBuilder {
    val copy = HttpRequestBuilder().takeFrom(request)
    added.headers.forEach { copy.headers[it.name] = it.value }
    val job = copy.executionContext as CompletableJob
    request.executionContext.invokeOnCompletion { cause ->
        if (cause == null) job.complete() else job.completeExceptionally(cause)
    }
    return copy
}

/** Attaches the response to an error that it caused. */
private inline fun <T> told(response: KtorResponse, call: () -> T): T = try {
    call()
} catch (error: RekindleException) {
    val rejected: HttpResponse = response.call.response
    throw error.apply { addSuppressed(Rejected(rejected)) }
}
