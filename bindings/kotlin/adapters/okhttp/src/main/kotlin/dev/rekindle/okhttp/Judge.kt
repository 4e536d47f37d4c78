package dev.rekindle.okhttp

import dev.rekindle.Exchange
import dev.rekindle.Header
import dev.rekindle.Judgement
import dev.rekindle.Operation
import dev.rekindle.Session
import dev.rekindle.Token
import dev.rekindle.Verdict
import okhttp3.MediaType
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.Response
import okio.Buffer

/** A body that must be judged is read up to this; a longer one is judged by its beginning. */
internal const val MOST_JUDGED: Long = 8L * 1024 * 1024

/** A request's body is read to see what it does up to this. */
private const val MOST_ASKED: Long = 1024L * 1024

/** What a response said about the session's token. */
public class Judged internal constructor(
    /** What it says. */
    public val verdict: Verdict,
    /** Why the request was not sent again although its token was turned away. */
    public val replayRefused: String?,
) {
    override fun toString(): String = "Judged($verdict, replayRefused=$replayRefused)"
}

/** What this response said about the session's token; nothing where that was no question. */
public val Response.judged: Judged? get() = request.tag(Judged::class.java)

/** A response, and what follows from it. */
internal class Read(val response: Response, val judgement: Judgement?, val body: ByteArray = ByteArray(0)) {
    fun keep(judgement: Judgement.Keep): Read {
        val judged = Judged(judgement.verdict, judgement.replayRefused)
        val request = response.request.newBuilder().tag(Judged::class.java, judged).build()
        return Read(response.newBuilder().request(request).build(), judgement)
    }
}

/** Asks the session what a response means; not at all where it can mean nothing. */
internal class Judge(private val session: Session) {
    private val readsSuccess = session.reads(200)

    /** Once a token was turned away, the session wants to hear of one that is accepted. */
    @Volatile
    private var isWatching = false

    fun isPlain(response: Response): Boolean =
        response.code < 400 && !isWatching && !isRead(response) && !response.bringsNonce()

    fun read(response: Response): Read {
        val reads = response.code >= 400 || isRead(response)
        return Read(response, null, if (reads) response.peekBody(MOST_JUDGED).bytes() else ByteArray(0))
    }

    suspend fun follow(token: Token, read: Read): Judgement {
        val verdict = session.verdict(exchange(read, Operation.Http))
        if (verdict == Verdict.Accepted && !isWatching && !read.response.bringsNonce()) return Judgement.Keep(verdict, null)
        isWatching = verdict != Verdict.Accepted
        return session.judge(token, exchange(read, operation(read.response.request)))
    }

    private fun isRead(response: Response) =
        readsSuccess && response.header("content-type")?.let(::isJson) == true

    private fun exchange(read: Read, operation: Operation): Exchange {
        val request = read.response.request
        return Exchange(
            method = request.method,
            url = request.url.toString(),
            status = read.response.code,
            headers = read.response.headers.map { (name, value) -> Header(name, value) },
            body = read.body,
            isReplayable = request.body?.isReplayable() ?: true,
            operation = operation,
        )
    }
}

/** For the proofs of the next requests. */
private fun Response.bringsNonce() = header("DPoP-Nonce") != null

/** As its tag says, else as its body says. What cannot be read counts as a mutation. */
private fun operation(request: Request): Operation {
    request.tag(Operation::class.java)?.let { return it }
    val body = request.body
    if (request.method != "POST" || body?.contentType()?.isJson() != true) return Operation.Http
    if (!body.isReplayable() || body.contentLength() !in 0..MOST_ASKED) return Operation.GraphqlMutation
    return Operation.of(request.method, Buffer().also(body::writeTo).readByteArray())
}

private fun RequestBody.isReplayable() = !isOneShot() && !isDuplex()

private fun MediaType.isJson() = isJson("$type/$subtype")

private fun isJson(type: String): Boolean {
    val essence = type.substringBefore(';').trim().lowercase()
    return essence.endsWith("/json") || essence.endsWith("+json")
}

/** With as much of its body as is judged, read, so that it can be looked at after the call. */
internal fun Response.kept(): Response = newBuilder().body(peekBody(MOST_JUDGED)).build()
