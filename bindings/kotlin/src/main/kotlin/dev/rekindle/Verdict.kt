package dev.rekindle

import kotlin.time.Duration
import dev.rekindle.ffi.Applied as NativeApplied
import dev.rekindle.ffi.ExpiredReason as NativeReason
import dev.rekindle.ffi.Operation as NativeOperation
import dev.rekindle.ffi.Verdict as NativeVerdict

/** What a request does. */
public enum class Operation {
    /** Not GraphQL: the HTTP method decides whether the request may be sent again. */
    Http,

    /** A GraphQL query, which may be sent again. */
    GraphqlQuery,

    /** A GraphQL mutation, which may have an effect. */
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
    /** The token was accepted. */
    public data object Accepted : Verdict("accepted")

    /** The token is no longer accepted. */
    public data class Expired(
        /** Why: `expired`, `invalid`, `revoked` or `unknown`. */
        val reason: String,
        /** Whether the request certainly had no effect. */
        val certainlyNotApplied: Boolean,
    ) : Verdict("expired")

    /** The token lacks a scope. */
    public data class InsufficientScope(
        /** The scope, if the server names it. */
        val scope: String?,
    ) : Verdict("insufficient_scope")

    /** The user must authenticate again, more strongly (RFC 9470). */
    public data class StepUp(
        /** `acr_values`. */
        val acrValues: String?,
        /** `max_age`, in seconds. */
        val maxAge: Long?,
        /** `claims`, as the server sent them. */
        val claims: String?,
    ) : Verdict("step_up")

    /** The DPoP proof must contain this nonce. */
    public data class NonceRequired(
        /** The nonce. */
        val nonce: String?,
    ) : Verdict("nonce_required")

    /** Too many requests. */
    public data class RateLimited(
        /** How long to wait, if the server says so. */
        val after: Duration?,
    ) : Verdict("rate_limited")

    /** The server is temporarily unavailable. */
    public data class Unavailable(
        /** How long to wait, if the server says so. */
        val after: Duration?,
    ) : Verdict("unavailable")

    /** The request was denied; a new token would not help. */
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
