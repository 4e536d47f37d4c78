package dev.rekindle.okhttp

import dev.rekindle.Exchange
import dev.rekindle.Header
import dev.rekindle.Judgement
import dev.rekindle.Operation
import dev.rekindle.ResponseJudge
import okhttp3.MediaType
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.Response
import okio.Buffer

/** A request's body is read to see what it does up to this. */
private const val MOST_ASKED: Long = 1024L * 1024

/** What this response said about the session's token; nothing where that was no question. */
public val Response.judged: Judgement.Keep? get() = request.tag(Judgement.Keep::class.java)

/** The response with what was found in it. */
internal fun Response.telling(judged: Judgement.Keep): Response =
    newBuilder().request(request.newBuilder().tag(Judgement.Keep::class.java, judged).build()).build()

internal fun ResponseJudge.wants(response: Response): Boolean =
    wants(response.code, response.header("content-type"), response.header("DPoP-Nonce"))

internal fun ResponseJudge.exchange(response: Response): Exchange {
    val request = response.request
    val reads = reads(response.code, response.header("content-type"))
    return Exchange(
        method = request.method,
        url = request.url.toString(),
        status = response.code,
        headers = response.headers.map { (name, value) -> Header(name, value) },
        body = if (reads) response.peekBody(ResponseJudge.MOST_READ).bytes() else ByteArray(0),
        isReplayable = request.body?.isReplayable() ?: true,
    )
}

/** As its tag says, else as its body says. What cannot be read counts as a mutation. */
internal fun operation(request: Request): Operation {
    request.tag(Operation::class.java)?.let { return it }
    val body = request.body
    if (request.method != "POST" || body?.contentType()?.isJson() != true) return Operation.Http
    if (!body.isReplayable() || body.contentLength() !in 0..MOST_ASKED) return Operation.GraphqlMutation
    return Operation.of(request.method, Buffer().also(body::writeTo).readByteArray())
}

private fun RequestBody.isReplayable() = !isOneShot() && !isDuplex()

private fun MediaType.isJson() = ResponseJudge.isJson("$type/$subtype")

/** With as much of its body as is judged, read, so that it can be looked at after the call. */
internal fun Response.kept(): Response = newBuilder().body(peekBody(ResponseJudge.MOST_READ)).build()
