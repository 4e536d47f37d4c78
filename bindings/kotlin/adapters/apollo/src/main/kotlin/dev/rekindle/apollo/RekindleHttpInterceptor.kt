package dev.rekindle.apollo

import com.apollographql.apollo.ApolloClient
import com.apollographql.apollo.api.http.HttpRequest
import com.apollographql.apollo.api.http.HttpResponse
import com.apollographql.apollo.exception.ApolloNetworkException
import com.apollographql.apollo.network.http.HttpInterceptor
import com.apollographql.apollo.network.http.HttpInterceptorChain
import dev.rekindle.Added
import dev.rekindle.Call
import dev.rekindle.Next
import dev.rekindle.RekindleException
import dev.rekindle.Session

/**
 * Sends this client's operations with the session's token.
 *
 * ```kotlin
 * val apollo = ApolloClient.Builder().serverUrl("https://api.example.com/graphql").addRekindle(session).build()
 * ```
 *
 * Queries and mutations are told apart even if only an operation's hash is sent. If the client uses an `OkHttpClient` that
 * already has rekindle's interceptor, leave this out.
 *
 * @param withoutRedirects whether the client's engine follows no redirects: see [RekindleHttpInterceptor].
 */
public fun ApolloClient.Builder.addRekindle(session: Session, withoutRedirects: Boolean = false): ApolloClient.Builder =
    addInterceptor(OperationInterceptor).addHttpInterceptor(RekindleHttpInterceptor(session, withoutRedirects))

/**
 * Adds a session's token to requests to the session's origins, and sends a request again if its token was rejected, by status
 * or by GraphQL errors, and that is safe. Use [addRekindle], which also tells it what each operation does.
 *
 * A request that already has a credential is not changed. Uploads are not sent again. An error of the session is the cause of
 * the `ApolloNetworkException` in the response. Apollo does not say which URL a response came from after a redirect: if your
 * API redirects, also to a login page, give Apollo an `OkHttpClient` with rekindle's interceptor instead.
 *
 * When Apollo's engine follows a redirect to another origin, it removes `Authorization` and no other header. So a token in
 * another header, or with a DPoP proof, is refused ([RekindleException.InvalidConfig]) unless the engine follows no redirects.
 *
 * @param withoutRedirects whether the client's engine follows no redirects.
 */
public class RekindleHttpInterceptor(
    private val session: Session,
    private val withoutRedirects: Boolean = false,
) : HttpInterceptor {
    init {
        session.requireOrigins()
    }

    /** Called by Apollo. */
    override suspend fun intercept(request: HttpRequest, chain: HttpInterceptorChain): HttpResponse {
        val call = session.call(ApolloHttpRequest(request))
        var added = told { call.headers() }
        if (call.isUnsigned) return chain.proceed(request)
        while (true) {
            told { requireThatTheyStay(added) }
            val response = chain.proceed(signed(request, added))
            when (val next = next(call, response)) {
                is Next.Keep -> return response
                is Next.SendAgain -> added = next.added
            }
            response.body?.close()
        }
    }

    private fun requireThatTheyStay(added: Added) {
        if (withoutRedirects || added.stayAtRedirects) return
        val names = added.headers.joinToString(" and ") { it.name }
        throw RekindleException.InvalidConfig(
            "the token goes in $names, which would follow redirects to other origins: give Apollo an OkHttpClient with " +
                "rekindle's interceptor, or one that follows no redirects and say withoutRedirects = true",
        )
    }
}

private fun signed(request: HttpRequest, added: Added): HttpRequest =
    request.newBuilder().apply { added.headers.forEach { addHeader(it.name, it.value) } }.build()

private suspend fun next(call: Call, response: HttpResponse): Next = try {
    told { call.answered(ApolloHttpResponse(response)) }
} catch (failed: Throwable) {
    response.body?.close()
    throw failed
}

private inline fun <T> told(call: () -> T): T = try {
    call()
} catch (error: RekindleException) {
    throw ApolloNetworkException(error.message, error)
}
