package dev.rekindle

import dev.rekindle.ffi.mayTravel as mayTravelToOtherOrigins

/**
 * For adapters to HTTP clients, one for each client: asks the session what a response means, and not at all where it can
 * mean nothing, as nearly always.
 *
 * ```kotlin
 * if (!judge.wants(response.code, response.header("content-type"), response.header("dpop-nonce"))) return response
 * val judgement = judge.judge(token, exchange) { Operation.of("POST", body) }
 * ```
 */
public class ResponseJudge(private val session: Session) {
    init {
        session.requireOrigins()
    }

    private val readsSuccess = session.reads(200)

    /** Once a token was turned away, the session wants to hear of one that is accepted. */
    @Volatile
    private var isWatching = false

    /** Whether a response to a request that carried a token must be judged; [nonce] is its header `DPoP-Nonce`. */
    public fun wants(status: Int, contentType: String?, nonce: String?): Boolean =
        isWatching || nonce != null || reads(status, contentType)

    /** Whether its body must be read for that, up to [MOST_READ] bytes. */
    public fun reads(status: Int, contentType: String?): Boolean =
        status >= 400 || readsSuccess && contentType != null && isJson(contentType)

    /**
     * Judges the response to a request that carried [token]. Where the token was turned away, waits for a new one. After a
     * [Judgement.Replay] send the request again, and call [Session.replayed] unless its verdict is
     * [Verdict.NonceRequired].
     *
     * @param exchange what was sent and what came back. What it says of the operation does not count.
     * @param operation what the request does; asked where something is held against the token.
     */
    public suspend fun judge(token: Token, exchange: Exchange, operation: () -> Operation): Judgement {
        val verdict = session.verdict(exchange.of(Operation.Http))
        val isAccepted = verdict == Verdict.Accepted
        val bringsNonce = exchange.headers.any { it.name.equals("DPoP-Nonce", ignoreCase = true) }
        if (isAccepted && !isWatching && !bringsNonce) return Judgement.Keep(verdict, null)
        isWatching = !isAccepted
        return session.judge(token, exchange.of(operation()))
    }

    public companion object {
        /** Of a body that is longer, its beginning is judged. */
        public const val MOST_READ: Long = 8L * 1024 * 1024

        /** Whether a body of this media type is JSON. */
        public fun isJson(contentType: String): Boolean {
            val essence = contentType.substringBefore(';').trim().lowercase()
            return essence.endsWith("/json") || essence.endsWith("+json")
        }

        /** Whether a request's header of this name may follow a redirect to another origin: it is known to carry no credential. */
        public fun mayTravel(header: String): Boolean = native { mayTravelToOtherOrigins(header) }
    }
}
