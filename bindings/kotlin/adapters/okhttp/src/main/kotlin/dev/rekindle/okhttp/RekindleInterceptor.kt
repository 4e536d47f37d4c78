package dev.rekindle.okhttp

import dev.rekindle.Added
import dev.rekindle.Call
import dev.rekindle.Next
import dev.rekindle.RekindleException
import dev.rekindle.Session
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Response

/**
 * Keeps the calls of this client signed in: Retrofit's, Apollo's and Coil's too, where they stand on it.
 *
 * ```kotlin
 * val client = OkHttpClient.Builder().addRekindle(session).build()
 * ```
 *
 * Add it after interceptors that should see a call once, and before those that should see each time it is sent.
 */
public fun OkHttpClient.Builder.addRekindle(session: Session): OkHttpClient.Builder {
    val interceptor = RekindleInterceptor(session)
    return addInterceptor(interceptor).addNetworkInterceptor(interceptor)
}

/**
 * Puts a session's token on requests to the session's origins, and sends them again where the token was turned away and
 * that is safe. Use [addRekindle], which adds it twice: around the call, and around each of its hops, so that no token
 * follows a redirect to elsewhere.
 *
 * A request that has a credential of its own is left alone. A body that can be sent once only (`isOneShot`, `isDuplex`)
 * is sent once: the token is refreshed for the next request, and [judged] says why. What a GraphQL request does is read
 * from its body; where that cannot be, tag the request with an [Operation][dev.rekindle.Operation].
 *
 * It waits on the call's own thread. That is no way to starve a dispatcher: the token is refreshed elsewhere, on another
 * connection, and one call's wait is all calls' wait. A cancelled call waits no longer; the refresh goes on. An `Authenticator`
 * has nothing to do: set none, for it would see a 401 first.
 *
 * Errors of the session's are a [RekindleIOException].
 */
public class RekindleInterceptor(private val session: Session) : Interceptor {
    init {
        session.requireOrigins()
    }

    /** Called by OkHttp. */
    override fun intercept(chain: Interceptor.Chain): Response =
        if (chain.connection() == null) around(chain) else hop(chain)

    private fun around(chain: Interceptor.Chain): Response {
        var request = chain.request()
        val signed = SignedRequest(session, request)
        var added = added(signed.call, chain)
        if (signed.call.isUnsigned) return chain.proceed(request)
        while (true) {
            val response = chain.proceed(signed.sign(request, added))
            if (!signed.reached(response)) return response
            when (val next = next(signed.call, response, chain)) {
                is Next.Keep -> return response.also { signed.judged = next.judged }
                is Next.SendAgain -> {
                    // The last hop is sent again, not the way there.
                    request = response.request
                    added = next.added
                    response.close()
                }
            }
        }
    }

    /** The token of a request that was redirected to elsewhere stays behind, for good, and other credentials with it. */
    private fun hop(chain: Interceptor.Chain): Response {
        val request = chain.request()
        return chain.proceed(request.tag(SignedRequest::class.java)?.onTheWire(request) ?: request)
    }
}

private fun added(call: Call, chain: Interceptor.Chain): Added = told(null) {
    call.headersAtOnce() ?: waiting(chain.call()) { call.headers() }
}

private fun next(call: Call, response: Response, chain: Interceptor.Chain): Next {
    val seen = OkHttpResponse(response)
    return call.answeredAtOnce(seen) ?: try {
        told(response) { waiting(chain.call()) { call.answered(seen) } }
    } catch (failed: Throwable) {
        response.close()
        throw failed
    }
}

internal inline fun <T> told(response: Response?, call: () -> T): T = try {
    call()
} catch (error: RekindleException) {
    throw RekindleIOException(error, response?.kept())
}
