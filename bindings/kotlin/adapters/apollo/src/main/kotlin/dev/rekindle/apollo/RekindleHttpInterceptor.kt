package dev.rekindle.apollo

import com.apollographql.apollo.ApolloClient
import com.apollographql.apollo.api.http.HttpMethod
import com.apollographql.apollo.api.http.HttpRequest
import com.apollographql.apollo.api.http.HttpResponse
import com.apollographql.apollo.exception.ApolloNetworkException
import com.apollographql.apollo.network.http.HttpInterceptor
import com.apollographql.apollo.network.http.HttpInterceptorChain
import dev.rekindle.Exchange
import dev.rekindle.Header
import dev.rekindle.Judgement
import dev.rekindle.Operation
import dev.rekindle.RekindleException
import dev.rekindle.Session
import dev.rekindle.Token
import dev.rekindle.Verdict
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import okio.Buffer

/**
 * Keeps this client's operations signed in.
 *
 * ```kotlin
 * val apollo = ApolloClient.Builder().serverUrl("https://api.example.com/graphql").addRekindle(session).build()
 * ```
 *
 * What an operation does is known, also where only its hash is sent. Where the client stands on an `OkHttpClient` that
 * keeps the session already, leave this out.
 */
public fun ApolloClient.Builder.addRekindle(session: Session): ApolloClient.Builder =
    addInterceptor(OperationInterceptor).addHttpInterceptor(RekindleHttpInterceptor(session))

/**
 * Puts a session's token on requests to the session's origins, and sends them again where the token was turned away and
 * that is safe: GraphQL errors count, whatever the status. Use [addRekindle], which tells it what each operation does.
 *
 * A request that has a credential of its own is left alone. Uploads are sent once. An error of the session's is the cause
 * of the `ApolloNetworkException` in the response. Apollo does not tell where an answer came from after a redirect: if
 * your API redirects, give Apollo an `OkHttpClient` with rekindle's interceptor instead.
 */
public class RekindleHttpInterceptor(private val session: Session) : HttpInterceptor {
    private val credentialHeaders = session.credentialHeaders()
    private val readsSuccess = session.reads(200)

    /** Once a token was turned away, the session wants to hear of one that is accepted. */
    @Volatile
    private var isWatching = false

    /** Called by Apollo. */
    override suspend fun intercept(request: HttpRequest, chain: HttpInterceptorChain): HttpResponse {
        if (request.headers.any { it.name.lowercase() in credentialHeaders }) return chain.proceed(request)
        var token = told { token(request.url) } ?: return chain.proceed(request)
        while (true) {
            val response = chain.proceed(told { signed(request, token) })
            val next = judged(token, request, response) as? Judgement.Replay ?: return response
            response.body?.close()
            token = next.token
            if (next.verdict !is Verdict.NonceRequired) session.replayed()
        }
    }

    private fun signed(request: HttpRequest, token: Token): HttpRequest {
        val signed = request.newBuilder().addHeader(token.headerName, token.authorization)
        session.proof(token, request.methodName(), request.url)?.let { signed.addHeader("DPoP", it) }
        return signed.build()
    }

    private suspend fun token(url: String): Token? {
        if (!session.owns(url)) return null
        return session.tokenIfValid() ?: session.tokenFor(url)
    }

    private suspend fun judged(token: Token, request: HttpRequest, response: HttpResponse): Judgement? {
        val reads = response.statusCode >= 400 || readsSuccess && response.isJson()
        if (!reads && !isWatching && !response.bringsNonce()) return null
        return try {
            told { follow(token, request, response, if (reads) response.begin() else ByteArray(0)) }
        } catch (failed: Throwable) {
            response.body?.close()
            throw failed
        }
    }

    private suspend fun follow(token: Token, request: HttpRequest, response: HttpResponse, body: ByteArray): Judgement {
        val exchange = Exchange(
            method = request.methodName(),
            url = request.url,
            status = response.statusCode,
            headers = response.headers.map { Header(it.name, it.value) },
            body = body,
            isReplayable = request.body?.contentType?.startsWith("multipart/") != true,
            operation = request.operation(),
        )
        val verdict = session.verdict(exchange)
        if (verdict == Verdict.Accepted && !isWatching && !response.bringsNonce()) return Judgement.Keep(verdict, null)
        isWatching = verdict != Verdict.Accepted
        return session.judge(token, exchange)
    }
}

private fun HttpRequest.methodName() = if (method == HttpMethod.Get) "GET" else "POST"

/** As the interceptor above it says, else as its body says. */
private fun HttpRequest.operation(): Operation {
    executionContext[OperationContext]?.let { return it.operation }
    val content = body ?: return Operation.Http
    if (!content.contentType.startsWith("application/json")) return Operation.GraphqlMutation
    return Operation.of("POST", Buffer().also(content::writeTo).readByteArray())
}

/** For the proofs of the next requests. */
private fun HttpResponse.bringsNonce() = headers.any { it.name.equals("DPoP-Nonce", ignoreCase = true) }

private fun HttpResponse.isJson(): Boolean {
    val type = headers.firstOrNull { it.name.equals("content-type", ignoreCase = true) }?.value.orEmpty()
    val essence = type.substringBefore(';').trim().lowercase()
    return essence.endsWith("/json") || essence.endsWith("+json")
}

/** A body that must be judged is read up to this; a longer one is judged by its beginning. */
private const val MOST_JUDGED = 8L * 1024 * 1024

/** The body's beginning, which stays in the body. */
private suspend fun HttpResponse.begin(): ByteArray = withContext(Dispatchers.IO) {
    val peeked = body?.peek() ?: return@withContext ByteArray(0)
    peeked.request(MOST_JUDGED)
    peeked.buffer.readByteArray(minOf(peeked.buffer.size, MOST_JUDGED))
}

private inline fun <T> told(call: () -> T): T = try {
    call()
} catch (error: RekindleException) {
    throw ApolloNetworkException(error.message, error)
}
