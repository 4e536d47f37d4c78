package dev.rekindle.ktor

import dev.rekindle.Added
import dev.rekindle.Call
import dev.rekindle.Judged
import dev.rekindle.Next
import dev.rekindle.RekindleException
import dev.rekindle.Session
import io.ktor.client.call.HttpClientCall
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.request.takeFrom
import io.ktor.client.statement.HttpResponse
import io.ktor.util.AttributeKey
import kotlinx.coroutines.CompletableJob

/** Sends each hop of a request, as often as the session says. */
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
                is Next.Keep -> return response.call.also { trail.judged = next.judged }
                is Next.SendAgain -> added = next.added
            }
        }
        trail.judged = null
        return proceed(request)
    }

    /** A redirect is a request of its own here, with the attributes of the first; so is what a retry sends. */
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
    /** What the last response said. */
    @Volatile
    var judged: Judged? = null

    companion object {
        val Key: AttributeKey<RedirectTrail> = AttributeKey("RekindleRedirectTrail")
    }
}

/** The request is the redirect's own. What a cookie jar has for the new URL is added after this. */
private fun leaveBehind(request: HttpRequestBuilder) =
    request.headers.names().filterNot(Call::mayTravel).forEach(request.headers::remove)

/** A copy: a token on the original would follow its redirects. It ends when the original does. */
private fun signed(request: HttpRequestBuilder, added: Added): HttpRequestBuilder {
    val copy = HttpRequestBuilder().takeFrom(request)
    added.headers.forEach { copy.headers[it.name] = it.value }
    val job = copy.executionContext as CompletableJob
    request.executionContext.invokeOnCompletion { cause ->
        if (cause == null) job.complete() else job.completeExceptionally(cause)
    }
    return copy
}

/** An error that follows from a response goes with it. */
private inline fun <T> told(response: KtorResponse, call: () -> T): T = try {
    call()
} catch (error: RekindleException) {
    val rejected: HttpResponse = response.call.response
    throw error.apply { addSuppressed(Rejected(rejected)) }
}
