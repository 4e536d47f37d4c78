package dev.rekindle

import kotlin.time.Duration
import dev.rekindle.ffi.Applied as NativeApplied
import dev.rekindle.ffi.Exchange as NativeExchange
import dev.rekindle.ffi.ExpiredReason as NativeReason
import dev.rekindle.ffi.Judgement as NativeJudgement
import dev.rekindle.ffi.Operation as NativeOperation
import dev.rekindle.ffi.Verdict as NativeVerdict
import dev.rekindle.ffi.operationOf

/** A request and its response, as far as a dialect needs them to judge. Its text shows no secret. */
public class Exchange(
    /** `GET` and so on. */
    public val method: String,
    /** The URL that answered. */
    public val url: String,
    /** The response's status. */
    public val status: Int,
    /** The response's headers. */
    public val headers: List<Header> = emptyList(),
    /** As much of the response's body as has been read, decoded. */
    public val body: ByteArray = ByteArray(0),
    /** Whether the request's body can be sent a second time. */
    public val isReplayable: Boolean = true,
    /** What the request does. */
    public val operation: Operation = Operation.Http,
) {
    override fun toString(): String = "Exchange($method ${place(url)}, status=$status, operation=$operation)"

    /** The same request and response, of this operation. */
    internal fun of(operation: Operation) = Exchange(method, url, status, headers, body, isReplayable, operation)

    internal fun native() = NativeExchange(
        method,
        url,
        when (operation) {
            Operation.Http -> NativeOperation.HTTP
            Operation.GraphqlQuery -> NativeOperation.GRAPHQL_QUERY
            Operation.GraphqlMutation -> NativeOperation.GRAPHQL_MUTATION
        },
        isReplayable,
        (status.takeIf { it in 0..UShort.MAX_VALUE.toInt() } ?: 0).toUShort(),
        headers.map(Header::native),
        body,
    )
}

/** What a request does. */
public enum class Operation {
    /** Not GraphQL: the method decides. */
    Http,

    /** A GraphQL query: may be sent again. */
    GraphqlQuery,

    /** A GraphQL mutation. */
    GraphqlMutation,
    ;

    public companion object {
        /** What a request does, by its body. */
        public fun of(method: String, body: ByteArray): Operation = when (native { operationOf(method, body) }) {
            NativeOperation.HTTP -> Http
            NativeOperation.GRAPHQL_QUERY -> GraphqlQuery
            NativeOperation.GRAPHQL_MUTATION -> GraphqlMutation
        }
    }
}

/** What follows from a response. */
public sealed interface Judgement {
    /** What was said about the token. */
    public val verdict: Verdict

    /** The response is the answer. */
    public data class Keep(
        override val verdict: Verdict,
        /** Why the request is not sent again although its token was turned away. */
        val replayRefused: String?,
    ) : Judgement

    /** Send the request again with this token, and call [Session.replayed]. */
    public data class Replay(
        /** The token. */
        val token: Token,
        override val verdict: Verdict,
    ) : Judgement
}

/** What a response says about the token. */
public sealed class Verdict(
    /** The name, the same in every language. */
    public val name: String,
) {
    /** Nothing against it. */
    public data object Accepted : Verdict("accepted")

    /** It is not accepted any more. */
    public data class Expired(
        /** Why: `expired`, `invalid`, `revoked` or `unknown`. */
        val reason: String,
        /** Whether the request certainly had no effect. */
        val certainlyNotApplied: Boolean,
    ) : Verdict("expired")

    /** It lacks a scope. */
    public data class InsufficientScope(
        /** The scope, if the server names it. */
        val scope: String?,
    ) : Verdict("insufficient_scope")

    /** The user must sign in again, more strongly. */
    public data class StepUp(
        /** `acr_values`. */
        val acrValues: String?,
        /** `max_age`, in seconds. */
        val maxAge: Long?,
        /** `claims`, as sent. */
        val claims: String?,
    ) : Verdict("step_up")

    /** The proof of possession must carry this nonce. */
    public data class NonceRequired(
        /** The nonce. */
        val nonce: String?,
    ) : Verdict("nonce_required")

    /** Too many requests. */
    public data class RateLimited(
        /** When to come back, if the server says so. */
        val after: Duration?,
    ) : Verdict("rate_limited")

    /** Not able to answer now. */
    public data class Unavailable(
        /** When to come back, if the server says so. */
        val after: Duration?,
    ) : Verdict("unavailable")

    /** Turned away for good: a refresh cannot help. */
    public data object Denied : Verdict("denied")
}

internal fun NativeJudgement.told(): Judgement = when (this) {
    is NativeJudgement.Keep -> Judgement.Keep(verdict.told(), replayRefused)
    is NativeJudgement.Replay -> Judgement.Replay(Token(token), verdict.told())
}

internal fun NativeVerdict.told(): Verdict = when (this) {
    NativeVerdict.Accepted -> Verdict.Accepted
    is NativeVerdict.Expired -> Verdict.Expired(reason.told(), applied == NativeApplied.NO)
    is NativeVerdict.InsufficientScope -> Verdict.InsufficientScope(scope)
    is NativeVerdict.StepUp -> Verdict.StepUp(acrValues, maxAge?.toLong(), claims)
    is NativeVerdict.NonceRequired -> Verdict.NonceRequired(nonce)
    is NativeVerdict.RateLimited -> Verdict.RateLimited(after?.kotlin())
    is NativeVerdict.Unavailable -> Verdict.Unavailable(after?.kotlin())
    NativeVerdict.Denied -> Verdict.Denied
}

private fun NativeReason.told(): String = name.lowercase()
