package dev.rekindle.ktor

import dev.rekindle.Judgement
import dev.rekindle.RekindleException
import dev.rekindle.ResponseJudge
import dev.rekindle.Session
import dev.rekindle.Token
import dev.rekindle.Verdict
import io.ktor.client.call.HttpClientCall
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.request.takeFrom
import io.ktor.client.statement.HttpResponse
import io.ktor.client.statement.request
import io.ktor.http.URLBuilder
import io.ktor.http.takeFrom
import io.ktor.util.AttributeKey
import kotlinx.coroutines.CompletableJob
import java.util.concurrent.ConcurrentHashMap

/** Sends each hop of a request, as often as the session says. */
internal class Keeper(private val session: Session) {
    private val credentialHeaders = session.credentialHeaders()
    private val judge = ResponseJudge(session)
    private val listed = ConcurrentHashMap.newKeySet<String>()

    suspend fun send(request: HttpRequestBuilder, proceed: suspend (HttpRequestBuilder) -> HttpClientCall): HttpClientCall {
        val origin = request.url.origin()
        val hasLeft = hasLeft(request, origin)
        if (hasLeft) leaveBehind(request)
        if (hasLeft || credentialHeaders.any { it in request.headers }) return proceed(request)
        var token = token(origin) ?: return proceed(request)
        while (true) {
            val call = proceed(signed(request, token, proof(request, token)))
            if (!judge.wants(call.response)) return call
            val read = judge.read(call)
            when (val next = told(read.response) { judge.judge(token, judge.exchange(request, it)) { operation(request) } }) {
                is Judgement.Keep -> return read.also { it.request.attributes.put(JudgedKey, next) }
                is Judgement.Replay -> {
                    token = next.token
                    if (next.verdict !is Verdict.NonceRequired) session.replayed()
                }
            }
        }
    }

    private fun proof(request: HttpRequestBuilder, token: Token): String? =
        if (token.isBound) session.proof(token, request.method.value, request.url.buildString()) else null

    private suspend fun token(origin: String): Token? {
        if (origin !in listed) {
            if (!session.owns(origin)) return null
            listed += origin
        }
        return session.tokenIfValid() ?: session.tokenFor(origin)
    }

    /** Redirects are requests of their own here, with the attributes of the first: what has left its origin gets no token. */
    private fun hasLeft(request: HttpRequestBuilder, origin: String): Boolean {
        val trail = request.attributes.computeIfAbsent(TrailKey) { Trail(origin) }
        if (trail.origin != origin) trail.hasLeft = true
        return trail.hasLeft
    }
}

/** The request is the redirect's own. What a cookie jar has for the new URL is added after this. */
private fun leaveBehind(request: HttpRequestBuilder) =
    request.headers.names().filterNot(ResponseJudge::mayTravel).forEach(request.headers::remove)

private class Trail(val origin: String) {
    @Volatile
    var hasLeft = false
}

private val TrailKey = AttributeKey<Trail>("RekindleTrail")

private fun URLBuilder.origin(): String = "${protocol.name}://$host:${if (port == 0) protocol.defaultPort else port}"

/** A copy: a token on the original would follow its redirects. It ends when the original does. */
private fun signed(request: HttpRequestBuilder, token: Token, proof: String?): HttpRequestBuilder {
    val copy = HttpRequestBuilder().takeFrom(request)
    copy.headers[token.headerName] = token.authorization
    if (proof != null) copy.headers["DPoP"] = proof
    val job = copy.executionContext as CompletableJob
    request.executionContext.invokeOnCompletion { cause ->
        if (cause == null) job.complete() else job.completeExceptionally(cause)
    }
    return copy
}

/** An error that follows from a response goes with it. */
private inline fun <T> told(response: HttpResponse, call: (HttpResponse) -> T): T = try {
    call(response)
} catch (error: RekindleException) {
    throw error.apply { addSuppressed(Rejected(response)) }
}
