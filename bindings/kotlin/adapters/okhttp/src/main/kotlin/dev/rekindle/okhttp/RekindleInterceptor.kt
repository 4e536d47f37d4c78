package dev.rekindle.okhttp

import dev.rekindle.Judgement
import dev.rekindle.Operation
import dev.rekindle.RekindleException
import dev.rekindle.ResponseJudge
import dev.rekindle.Session
import dev.rekindle.Token
import dev.rekindle.Verdict
import okhttp3.Call
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Request
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
 * from its body; where that cannot be, tag the request with an [Operation].
 *
 * It waits on the call's own thread. That is no way to starve a dispatcher: the token is refreshed elsewhere, on another
 * connection, and one call's wait is all calls' wait. A cancelled call waits no longer; the refresh goes on. An `Authenticator`
 * has nothing to do: set none, for it would see a 401 first.
 *
 * Errors of the session's are a [RekindleIOException].
 */
public class RekindleInterceptor(private val session: Session) : Interceptor {
    private val credentialHeaders = session.credentialHeaders()
    private val judge = ResponseJudge(session)
    private val listed = ListedOrigins(session)

    /** Called by OkHttp. */
    override fun intercept(chain: Interceptor.Chain): Response =
        if (chain.connection() == null) around(chain) else hop(chain)

    private fun around(chain: Interceptor.Chain): Response {
        val request = chain.request()
        if (credentialHeaders.any { request.header(it) != null }) return chain.proceed(request)
        val token = token(request, chain.call()) ?: return chain.proceed(request)
        return kept(chain, request, Carried(token, request))
    }

    private fun kept(chain: Interceptor.Chain, first: Request, signed: Carried): Response {
        var carried = signed
        var request = first
        while (true) {
            val response = chain.proceed(carried.sign(request))
            if (!carried.reached(response) || !judge.wants(response)) return response
            when (val judged = judged(response, carried.token, chain.call())) {
                is Judgement.Keep -> return response.telling(judged)
                is Judgement.Replay -> {
                    // The last hop is sent again, not the way there.
                    request = response.request
                    response.close()
                    carried = Carried(judged.token, request)
                    if (judged.verdict !is Verdict.NonceRequired) session.replayed()
                }
            }
        }
    }

    private fun token(request: Request, call: Call): Token? {
        if (!listed.has(request.url)) return null
        return session.tokenIfValid() ?: told(null) { waiting(call) { session.tokenFor(request.url.toString()) } }
    }

    private fun judged(response: Response, token: Token, call: Call): Judgement = try {
        told(response) { waiting(call) { judge.judge(token, judge.exchange(response)) { operation(response.request) } } }
    } catch (failed: Throwable) {
        response.close()
        throw failed
    }

    /** The token of a request that was redirected to elsewhere stays behind, for good, and other credentials with it. Each hop wants a proof of its own. */
    private fun hop(chain: Interceptor.Chain): Response {
        val request = chain.request()
        val carried = request.tag(Carried::class.java) ?: return chain.proceed(request)
        return chain.proceed(if (carried.mayGo(request.url)) proven(request, carried.token) else carried.unsigned(request))
    }

    private fun proven(request: Request, token: Token): Request {
        if (!token.isBound) return request
        val proof = told(null) { session.proof(token, request.method, request.url.toString()) } ?: return request
        return request.newBuilder().header("DPoP", proof).build()
    }
}

private inline fun <T> told(response: Response?, call: () -> T): T = try {
    call()
} catch (error: RekindleException) {
    throw RekindleIOException(error, response?.kept())
}
