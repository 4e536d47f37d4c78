package dev.rekindle.okhttp

import dev.rekindle.Added
import dev.rekindle.Call
import dev.rekindle.Judged
import dev.rekindle.Session
import okhttp3.Request
import okhttp3.Response

/** What this response said about the session's token; nothing where that was no question. */
public val Response.judged: Judged? get() = request.tag(SignedRequest::class.java)?.judged

/** A request from its first send to its last response. Goes along as a tag: redirects keep tags. */
internal class SignedRequest(session: Session, private val first: Request) {
    val call: Call = session.call(OkHttpRequest(first))

    @Volatile
    var judged: Judged? = null

    /** What the last send carries. */
    @Volatile
    private var added = Added.Nothing

    /** A proof is for one send. */
    @Volatile
    private var isSent = false

    fun sign(request: Request, added: Added): Request {
        this.added = added
        isSent = false
        return request.newBuilder().with(added).tag(SignedRequest::class.java, this).build()
    }

    /** The request as it goes on the wire, which OkHttp may have redirected. */
    fun onTheWire(request: Request): Request {
        if (call.hasLeft) return unsigned(request)
        val isFirst = request.url.toString() == call.url && !isSent
        isSent = added.headers.size > 1
        if (isFirst) return request
        val next = told(null) { call.redirected(OkHttpRequest(request)) }
        if (call.hasLeft) return unsigned(request)
        return request.newBuilder().with(next).build()
    }

    /** Whether it is this request's token that the response speaks of: not that of a cache, nor another's. */
    fun reached(response: Response): Boolean =
        response.networkResponse != null && added.headers.first().let { response.request.header(it.name) == it.value }

    /** Without the token and without what of the caller's own may be a credential. A cookie jar's cookies stay. */
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

private fun Request.Builder.with(added: Added) = apply { added.headers.forEach { header(it.name, it.value) } }
