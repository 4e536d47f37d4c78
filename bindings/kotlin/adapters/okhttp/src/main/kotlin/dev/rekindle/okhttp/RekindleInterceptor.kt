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
 * Sends this client's calls with the session's token. Retrofit, Apollo and Coil can use such a client too.
 *
 * ```kotlin
 * val client = OkHttpClient.Builder().addRekindle(session).build()
 * ```
 *
 * Add it after interceptors that should see each call once, and before those that should see each send.
 */
public fun OkHttpClient.Builder.addRekindle(session: Session): OkHttpClient.Builder {
    val interceptor = RekindleInterceptor(session)
    return addInterceptor(interceptor).addNetworkInterceptor(interceptor)
}

/**
 * Adds a session's token to requests to the session's origins, and sends a request again if its token was rejected and that
 * is safe. Use [addRekindle], which adds the interceptor twice: around the call, and around each hop, so that no token follows
 * a redirect to another origin, and no redirect to a login page is followed.
 *
 * A request that already has a credential is not changed. A body that can be sent only once (`isOneShot`, `isDuplex`) is not
 * sent again: the token is refreshed for the next request, and [judged] says why. A GraphQL operation is read from the
 * request's body; if that is not possible, tag the request with an [Operation][dev.rekindle.Operation].
 *
 * It waits on the call's own thread. That cannot starve a dispatcher, because the token is refreshed on other threads and
 * connections, once for all calls. Cancelling a call ends its wait; the refresh continues. Set no `Authenticator`: it would
 * see a 401 first.
 *
 * Errors of the session are thrown as [RekindleIOException].
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
            val response = signed.withLocation(chain.proceed(signed.sign(request, added)))
            if (!signed.reached(response)) return response
            when (val next = next(signed.call, response, chain)) {
                is Next.Keep -> return response.also { signed.judged = next.judged }
                is Next.SendAgain -> {
                    // Only the last hop is sent again, not the redirects before it.
                    request = response.request
                    added = next.added
                    response.close()
                }
            }
        }
    }

    /**
     * One hop of a call. After a redirect to another origin the session's token and other credentials are not sent; a redirect
     * to a login page is not followed.
     */
    private fun hop(chain: Interceptor.Chain): Response {
        val request = chain.request()
        val signed = request.tag(SignedRequest::class.java) ?: return chain.proceed(request)
        return signed.withoutLoginPage(chain.proceed(signed.onTheWire(request)))
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
