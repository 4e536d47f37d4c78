package dev.rekindle.okhttp

import dev.rekindle.Session
import dev.rekindle.Token
import okhttp3.HttpUrl
import okhttp3.Request
import okhttp3.Response
import java.util.concurrent.ConcurrentHashMap

/** Where a token may be sent. */
internal data class Origin(val scheme: String, val host: String, val port: Int)

internal val HttpUrl.origin: Origin get() = Origin(scheme, host, port)

/** Remembers what the session has said yes to; more may be added to it, nothing is taken away. */
internal class ListedOrigins(private val session: Session) {
    private val known = ConcurrentHashMap.newKeySet<Origin>()

    fun has(url: HttpUrl): Boolean {
        val origin = url.origin
        return origin in known || session.owns(url.toString()).also { if (it) known += origin }
    }
}

/** The token of one request, and where it is for. Goes along as a tag: redirects keep tags. */
internal class Carried(val token: Token, url: HttpUrl) {
    private val origin = url.origin

    @Volatile
    private var hasLeft = false

    fun sign(request: Request): Request =
        request.newBuilder().header(token.headerName, token.authorization).tag(Carried::class.java, this).build()

    fun unsigned(request: Request): Request =
        if (request.header(token.headerName) != token.authorization) request
        else request.newBuilder().removeHeader(token.headerName).build()

    fun mayGo(url: HttpUrl): Boolean {
        if (url.origin != origin) hasLeft = true
        return !hasLeft
    }

    /** Whether it is this token that the response speaks of: not that of a cache, nor of another origin. */
    fun reached(response: Response): Boolean =
        !hasLeft && response.request.url.origin == origin && response.networkResponse != null &&
            response.request.header(token.headerName) == token.authorization
}
