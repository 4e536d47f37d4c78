package dev.rekindle

import kotlin.time.Duration
import dev.rekindle.ffi.Applied as NativeApplied
import dev.rekindle.ffi.ExpiredReason as NativeReason
import dev.rekindle.ffi.Operation as NativeOperation
import dev.rekindle.ffi.Verdict as NativeVerdict

/** What a request does. */
public enum class Operation {
    /** Not GraphQL: the method decides. */
    Http,

    /** A GraphQL query: may be sent again. */
    GraphqlQuery,

    /** A GraphQL mutation. */
    GraphqlMutation,
    ;

    internal fun native(): NativeOperation = when (this) {
        Http -> NativeOperation.HTTP
        GraphqlQuery -> NativeOperation.GRAPHQL_QUERY
        GraphqlMutation -> NativeOperation.GRAPHQL_MUTATION
    }
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
