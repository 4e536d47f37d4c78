package dev.rekindle

import java.util.concurrent.CancellationException
import kotlin.time.Duration
import kotlin.time.toKotlinDuration
import dev.rekindle.ffi.InternalException as NativePanic
import dev.rekindle.ffi.ProblemDetails as NativeDetails
import dev.rekindle.ffi.RekindleException as NativeProblem
import dev.rekindle.ffi.Spelling

/** One error of a GraphQL response. Anything that looks like a token is redacted. */
public data class GraphqlError(
    /** The error's message. */
    val message: String,
    /** The error code, such as `extensions.code`. */
    val code: String? = null,
    /** The path in the data, joined by dots. */
    val path: String? = null,
)

/** What is known of an error in addition to its kind and message. */
public class ErrorDetails(
    /** The server's error code, such as `invalid_grant`. */
    public val oauthError: String? = null,
    /** The HTTP status of the response, if there was one. */
    public val status: Int? = null,
    /** How long to wait before trying again, if the server said so. */
    public val retryAfter: Duration? = null,
    /** The errors of a GraphQL response. */
    public val graphqlErrors: List<GraphqlError> = emptyList(),
    /** The response that caused the error, with its body read. */
    public val response: Response? = null,
    /** The name of the invalid argument. */
    public val argument: String? = null,
    internal val debug: String? = null,
    internal val isRetryable: Boolean? = null,
    internal val causes: List<String> = emptyList(),
    internal val cause: Throwable? = null,
)

/**
 * The exceptions of this library, one class for each kind of error. The message says what to do and never contains a token.
 *
 * ```kotlin
 * try {
 *     client.get("/data")
 * } catch (e: RekindleException.LoginRequired) {
 *     showLogin()
 * }
 * ```
 */
public sealed class RekindleException(
    /** The kind's name, the same in every language. */
    public val kind: String,
    usuallyRetryable: Boolean,
    message: String,
    /** Further details. */
    public val details: ErrorDetails,
    cause: Throwable?,
) : Exception(message, cause ?: details.cause ?: chain(details.causes)) {
    /** Whether the same call may succeed later. */
    public val isRetryable: Boolean = details.isRetryable ?: usuallyRetryable

    /** The server's error code, such as `invalid_grant`. */
    public val oauthError: String? get() = details.oauthError

    /** The HTTP status of the response, if there was one. */
    public val status: Int? get() = details.status

    /** How long to wait before trying again, if the server said so. */
    public val retryAfter: Duration? get() = details.retryAfter

    /** The name of the invalid argument. */
    public val argument: String? get() = details.argument

    /** The errors of a GraphQL response. */
    public val graphqlErrors: List<GraphqlError> get() = details.graphqlErrors

    /** The response that caused the error, with its body read. */
    public val response: Response? get() = details.response

    /** The user must sign in again. */
    public class LoginRequired(message: String = "the user must sign in", details: ErrorDetails = ErrorDetails()) :
        RekindleException("LoginRequired", false, message, details, null)

    /** The session was signed out, or another one is signed in. */
    public class SignedOut(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("SignedOut", false, message, details, null)

    /** A refresh failed, but the sign-in is still valid: try again later. */
    public class RefreshFailed(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("RefreshFailed", true, message, details, null)

    /** Too many refreshes, more than expiring tokens explain. */
    public class RefreshLimited(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("RefreshLimited", true, message, details, null)

    /** The token endpoint limits the rate of requests. */
    public class RateLimited(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("RateLimited", true, message, details, null)

    /** A timeout expired. */
    public class Timeout(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("Timeout", true, message, details, null)

    /** The connection failed. */
    public class Connection(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("Connection", true, message, details, null)

    /** The store cannot be read or written at the moment. */
    public class StoreUnavailable(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("StoreUnavailable", true, message, details, null)

    /** An argument is invalid; the message names it. */
    public class InvalidConfig(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("InvalidConfig", false, message, details, null)

    /** The server rejects this client, whichever user is signed in. */
    public class ClientRejected(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("ClientRejected", false, message, details, null)

    /** A response's body cannot be parsed. */
    public class InvalidResponse(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("InvalidResponse", false, message, details, null)

    /** The status is 400 or above ([Response.throwForStatus]). */
    public class HttpStatus(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("HttpStatus", false, message, details, null)

    /** A GraphQL response contains errors. */
    public class GraphQL(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("GraphQL", false, message, details, null)

    /** There were more redirects than the client follows. */
    public class TooManyRedirects(message: String, details: ErrorDetails = ErrorDetails()) :
        RekindleException("TooManyRedirects", false, message, details, null)

    /** The API was used in a way that cannot work. */
    public class Misuse(message: String, details: ErrorDetails = ErrorDetails(), cause: Throwable? = null) :
        RekindleException("Misuse", false, message, details, cause)

    /** A system resource is unavailable: threads, randomness, file descriptors. */
    public class System(message: String, details: ErrorDetails = ErrorDetails(), cause: Throwable? = null) :
        RekindleException("System", false, message, details, cause)
}

/** The causes of a native error, as messages. */
private fun chain(causes: List<String>): Throwable? =
    causes.foldRight(null as Throwable?) { text, cause -> Exception(text, cause) }

/** The exception for a native error, or for a cancelled call. */
internal fun problem(error: NativeProblem): Exception = error.use {
    val told = it.details(Spelling.CAMEL)
    if (told.kind == "Cancelled") return CancellationException(told.message)
    make(told, it.response()?.let(::Response))
}

private fun make(told: NativeDetails, response: Response?): RekindleException {
    val details = ErrorDetails(
        told.oauthError,
        told.status?.toInt(),
        told.retryAfter?.toKotlinDuration(),
        told.graphqlErrors.map { GraphqlError(it.message, it.code, it.path) },
        response,
        told.argument,
        told.debug,
        told.retryable,
        told.causes,
        told.cause?.let(Thrown::find),
    )
    return when (told.kind) {
        "LoginRequired" -> RekindleException.LoginRequired(told.message, details)
        "SignedOut" -> RekindleException.SignedOut(told.message, details)
        "RefreshFailed" -> RekindleException.RefreshFailed(told.message, details)
        "RefreshLimited" -> RekindleException.RefreshLimited(told.message, details)
        "RateLimited" -> RekindleException.RateLimited(told.message, details)
        "Timeout" -> RekindleException.Timeout(told.message, details)
        "Connection" -> RekindleException.Connection(told.message, details)
        "StoreUnavailable" -> RekindleException.StoreUnavailable(told.message, details)
        "InvalidConfig" -> RekindleException.InvalidConfig(told.message, details)
        "ClientRejected" -> RekindleException.ClientRejected(told.message, details)
        "InvalidResponse" -> RekindleException.InvalidResponse(told.message, details)
        "HttpStatus" -> RekindleException.HttpStatus(told.message, details)
        "GraphQL" -> RekindleException.GraphQL(told.message, details)
        "TooManyRedirects" -> RekindleException.TooManyRedirects(told.message, details)
        "Misuse" -> RekindleException.Misuse(told.message, details)
        "System" -> RekindleException.System(told.message, details)
        // The native library and this code are of different versions.
        else -> RekindleException.System("${told.kind}: ${told.message}", details)
    }
}

/** Makes native calls, and converts their errors. */
internal inline fun <T> native(call: () -> T): T =
    try {
        call()
    } catch (error: NativeProblem) {
        throw problem(error)
    } catch (panic: NativePanic) {
        throw RekindleException.Misuse("the native library ended by a panic: please report it", cause = panic)
    }

internal fun closed(what: String): RekindleException =
    RekindleException.Misuse("the $what has been closed: make a new one")
