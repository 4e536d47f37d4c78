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
import dev.rekindle.ResponseJudge
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
 *
 * @param withoutRedirects the client's engine follows no redirects: see [RekindleHttpInterceptor].
 */
public fun ApolloClient.Builder.addRekindle(session: Session, withoutRedirects: Boolean = false): ApolloClient.Builder =
    addInterceptor(OperationInterceptor).addHttpInterceptor(RekindleHttpInterceptor(session, withoutRedirects))

/**
 * Puts a session's token on requests to the session's origins, and sends them again where the token was turned away and
 * that is safe: GraphQL errors count, whatever the status. Use [addRekindle], which tells it what each operation does.
 *
 * A request that has a credential of its own is left alone. Uploads are sent once. An error of the session's is the cause
 * of the `ApolloNetworkException` in the response. Apollo does not tell where an answer came from after a redirect: if
 * your API redirects, give Apollo an `OkHttpClient` with rekindle's interceptor instead.
 *
 * Apollo's engine takes `Authorization` off a request that it redirects to elsewhere, and no other header: a token in a
 * header of its own is refused ([RekindleException.InvalidConfig]) unless the engine follows no redirects.
 *
 * @param withoutRedirects the client's engine follows no redirects.
 */
public class RekindleHttpInterceptor(
    private val session: Session,
    private val withoutRedirects: Boolean = false,
) : HttpInterceptor {
    private val credentialHeaders = session.credentialHeaders()
    private val judge = ResponseJudge(session)

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
        requireThatItStays(token.headerName)
        val signed = request.newBuilder().addHeader(token.headerName, token.authorization)
        if (token.isBound) session.proof(token, request.methodName(), request.url)?.let { signed.addHeader("DPoP", it) }
        return signed.build()
    }

    private fun requireThatItStays(header: String) {
        if (withoutRedirects || header.equals("Authorization", ignoreCase = true)) return
        throw RekindleException.InvalidConfig(
            "the token is in the header $header, which would follow redirects to other origins: give Apollo an OkHttpClient " +
                "with rekindle's interceptor, or one that follows no redirects and say withoutRedirects = true",
        )
    }

    private suspend fun token(url: String): Token? {
        if (!session.owns(url)) return null
        return session.tokenIfValid() ?: session.tokenFor(url)
    }

    private suspend fun judged(token: Token, request: HttpRequest, response: HttpResponse): Judgement? {
        val type = response.header("content-type")
        if (!judge.wants(response.statusCode, type, response.header("DPoP-Nonce"))) return null
        return try {
            val body = if (judge.reads(response.statusCode, type)) response.begin() else ByteArray(0)
            told { judge.judge(token, exchange(request, response, body), request::operation) }
        } catch (failed: Throwable) {
            response.body?.close()
            throw failed
        }
    }

    private fun exchange(request: HttpRequest, response: HttpResponse, body: ByteArray) = Exchange(
        method = request.methodName(),
        url = request.url,
        status = response.statusCode,
        headers = response.headers.map { Header(it.name, it.value) },
        body = body,
        isReplayable = request.body?.contentType?.startsWith("multipart/") != true,
    )
}

private fun HttpRequest.methodName() = if (method == HttpMethod.Get) "GET" else "POST"

/** As the interceptor above it says, else as its body says. */
private fun HttpRequest.operation(): Operation {
    executionContext[OperationContext]?.let { return it.operation }
    val content = body ?: return Operation.Http
    if (!content.contentType.startsWith("application/json")) return Operation.GraphqlMutation
    return Operation.of("POST", Buffer().also(content::writeTo).readByteArray())
}

private fun HttpResponse.header(name: String): String? = headers.firstOrNull { it.name.equals(name, ignoreCase = true) }?.value

/** The body's beginning, which stays in the body. */
private suspend fun HttpResponse.begin(): ByteArray = withContext(Dispatchers.IO) {
    val peeked = body?.peek() ?: return@withContext ByteArray(0)
    peeked.request(ResponseJudge.MOST_READ)
    peeked.buffer.readByteArray(minOf(peeked.buffer.size, ResponseJudge.MOST_READ))
}

private inline fun <T> told(call: () -> T): T = try {
    call()
} catch (error: RekindleException) {
    throw ApolloNetworkException(error.message, error)
}
