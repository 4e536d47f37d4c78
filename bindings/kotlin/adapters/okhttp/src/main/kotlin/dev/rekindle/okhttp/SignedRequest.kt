package dev.rekindle.okhttp

import dev.rekindle.Added
import dev.rekindle.Call
import dev.rekindle.Judged
import dev.rekindle.Session
import kotlinx.coroutines.runBlocking
import okhttp3.Headers
import okhttp3.Request
import okhttp3.Response

/** What this response says about the session's token; `null` if its request did not carry the token. */
public val Response.judged: Judged? get() = request.tag(SignedRequest::class.java)?.judged

/** A request, from its first send to its last response. It is a tag of OkHttp's request, because redirects keep tags. */
internal class SignedRequest(session: Session, private val first: Request) {
    val call: Call = session.call(OkHttpRequest(first))

    @Volatile
    var judged: Judged? = null

    /** The headers that were added to the last send. */
    @Volatile
    private var added = Added.Nothing

    /** Whether the added headers were used: a DPoP proof is valid for one send. */
    @Volatile
    private var isSent = false

    /** The headers of the last hop's response, if that redirects to a login page. */
    @Volatile
    private var loginPage: Headers? = null

    fun sign(request: Request, added: Added): Request {
        this.added = added
        loginPage = null
        isSent = false
        return request.newBuilder().with(added).tag(SignedRequest::class.java, this).build()
    }

    /** The request to send for a hop, which OkHttp may have redirected. */
    fun onTheWire(request: Request): Request {
        if (call.hasLeft) return unsigned(request)
        val isFirst = request.url.toString() == call.url && !isSent
        isSent = added.headers.size > 1
        if (isFirst) return request
        val next = told(null) { call.redirected(OkHttpRequest(request)) }
        if (call.hasLeft) return unsigned(request)
        return request.newBuilder().with(next).build()
    }

    /** Whether the response is about this request's token: it is not from a cache, and its request carried the token. */
    fun reached(response: Response): Boolean = response.networkResponse != null && carriesToken(response.request)

    /**
     * The response to one hop. OkHttp follows no redirect without a `Location`, so a redirect that says that the token was
     * rejected loses it until [withLocation] (spec 2.11), and no cache keeps it in this form.
     */
    fun withoutLoginPage(response: Response): Response {
        loginPage = null
        if (!response.isRedirect || response.header(LOCATION) == null || !carriesToken(response.request)) return response
        if (!told(response) { runBlocking { call.rejects(OkHttpResponse(response)) } }) return response
        loginPage = response.headers
        return response.newBuilder().removeHeader(LOCATION).header(CACHE_CONTROL, "no-store").build()
    }

    /** The response to a call, with the headers that [withoutLoginPage] replaced. */
    fun withLocation(response: Response): Response {
        val sent = loginPage ?: return response
        val whole = response.newBuilder().removeHeader(CACHE_CONTROL)
        sent.filter { (name, _) -> name.equals(LOCATION, ignoreCase = true) || name.equals(CACHE_CONTROL, ignoreCase = true) }
            .forEach { (name, value) -> whole.addHeader(name, value) }
        return whole.build()
    }

    private fun carriesToken(request: Request) = added.headers.first().let { request.header(it.name) == it.value }

    /** The request without the token and the caller's possible credentials. Cookies of a cookie jar stay. */
    private fun unsigned(request: Request): Request {
        val unsigned = request.newBuilder()
        added.headers.filter { request.header(it.name) == it.value }.forEach { unsigned.removeHeader(it.name) }
        val own = first.headers
        own.names().filterNot { Call.mayTravel(it) || it.equals("Host", ignoreCase = true) }
            .filter { request.headers(it) == own.values(it) }
            .forEach(unsigned::removeHeader)
        return unsigned.build()
    }
}

private const val LOCATION = "Location"
private const val CACHE_CONTROL = "Cache-Control"

private fun Request.Builder.with(added: Added) = apply { added.headers.forEach { header(it.name, it.value) } }
