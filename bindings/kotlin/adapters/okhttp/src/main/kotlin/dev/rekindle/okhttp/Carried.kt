package dev.rekindle.okhttp

import dev.rekindle.ResponseJudge
import dev.rekindle.Session
import dev.rekindle.Token
import okhttp3.HttpUrl
import okhttp3.Request
import okhttp3.Response
import java.util.concurrent.CopyOnWriteArrayList

/** Whether both are of one origin. Asked several times of each call, so it makes nothing. */
private fun HttpUrl.isOfOriginOf(other: HttpUrl): Boolean =
    this === other || port == other.port && host == other.host && scheme == other.scheme

/** Remembers what the session has said yes to; more may be added to it, nothing is taken away. */
internal class ListedOrigins(private val session: Session) {
    /** One URL for each. */
    private val known = CopyOnWriteArrayList<HttpUrl>()

    fun has(url: HttpUrl): Boolean = known.any(url::isOfOriginOf) || session.owns(url.toString()).also { if (it) known += url }
}

/** The token of one request, and where it is for. Goes along as a tag: redirects keep tags. */
internal class Carried(val token: Token, first: Request) {
    private val url = first.url

    /** What the caller put on the request. */
    private val own = first.headers

    @Volatile
    private var hasLeft = false

    fun sign(request: Request): Request =
        request.newBuilder().header(token.headerName, token.authorization).tag(Carried::class.java, this).build()

    /** Without the token and without what of the caller's own may be a credential. A cookie jar's cookies stay. */
    fun unsigned(request: Request): Request {
        val unsigned = request.newBuilder()
        if (request.header(token.headerName) == token.authorization) unsigned.removeHeader(token.headerName)
        own.names().filterNot { ResponseJudge.mayTravel(it) || it.equals("Host", ignoreCase = true) }
            .filter { request.headers(it) == own.values(it) }
            .forEach(unsigned::removeHeader)
        return unsigned.build()
    }

    fun mayGo(url: HttpUrl): Boolean {
        if (!url.isOfOriginOf(this.url)) hasLeft = true
        return !hasLeft
    }

    /** Whether it is this token that the response speaks of: not that of a cache, nor of another origin. */
    fun reached(response: Response): Boolean =
        !hasLeft && response.request.url.isOfOriginOf(url) && response.networkResponse != null &&
            response.request.header(token.headerName) == token.authorization
}
