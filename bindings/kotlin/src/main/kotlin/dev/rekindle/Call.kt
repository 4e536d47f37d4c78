package dev.rekindle

import dev.rekindle.ffi.Reads
import dev.rekindle.ffi.goesOn
import dev.rekindle.ffi.Added as NativeAdded
import dev.rekindle.ffi.Call as NativeCall
import dev.rekindle.ffi.Content as NativeContent
import dev.rekindle.ffi.Judged as NativeJudged
import dev.rekindle.ffi.Next as NativeNext
import dev.rekindle.ffi.mayTravel as mayTravelToOtherOrigins

/** A request of another HTTP client, as its adapter presents it. Costly properties are read only when needed. */
public interface CallRequest {
    /** `GET` and so on. */
    public val method: String

    /** The URL. */
    public val url: String

    /** What the request does, if the caller knows that better than the body shows. */
    public val operation: Operation? get() = null

    /** The caller's headers, with the body's `Content-Type`. */
    public fun headers(): List<Header>

    /** Whether the request has a header of this name. */
    public fun has(header: String): Boolean = headers().any { it.name.equals(header, ignoreCase = true) }

    /** What is known of the request's body. */
    public fun content(): Content
}

/** A response of another HTTP client, as its adapter presents it. */
public interface CallResponse {
    /** The status. */
    public val status: Int

    /** All headers. */
    public fun headers(): List<Header>

    /** The first bytes of the decoded body, at most [limit]. They stay in the body for the caller to read. */
    public suspend fun peek(limit: Long): ByteArray
}

/** What is known of a request's body. */
public sealed interface Content {
    /** The whole body: a GraphQL operation is read from it, and it can be sent again. */
    public class Bytes(
        /** Empty, if there is no body. */
        public val bytes: ByteArray,
    ) : Content

    /** The body is not known, but can be sent again. */
    public data object Replayable : Content

    /** The body can be sent only once. */
    public data object Once : Content

    public companion object {
        /** No body. */
        public val None: Content = Bytes(ByteArray(0))
    }
}

/** The headers to set on a request, replacing those of the same name. They are valid for one send. */
public class Added internal constructor(
    /** The token's header first. Empty if the request is sent without the token. */
    public val headers: List<Header>,
    /**
     * Whether HTTP clients that follow redirects by themselves drop these headers at another origin. If not, don't send the
     * request with such a client.
     */
    public val stayAtRedirects: Boolean,
) {
    override fun toString(): String = "Added(${headers.map { it.name }})"

    public companion object {
        /** Nothing to add. */
        public val Nothing: Added = Added(emptyList(), stayAtRedirects = true)
    }
}

/** What a response to a request with the session's token says. */
public data class Judged(
    /** What the response says about the token. */
    val verdict: Verdict,
    /** Why the request was not sent again although its token was rejected. */
    val replayRefused: String?,
)

/** What follows from a response. */
public sealed interface Next {
    /** Send the request again, with these headers instead of the previous ones. */
    public class SendAgain internal constructor(
        /** The headers. */
        public val added: Added,
    ) : Next

    /** Give this response to the caller. */
    public class Keep internal constructor(
        /** What it says about the token; `null` if the request did not carry the session's token. */
        public val judged: Judged?,
    ) : Next
}

/**
 * The protocol for one request of another HTTP client, until its last response: which headers to add, and what to do after a
 * response. It sends nothing itself. Not safe for concurrent use.
 *
 * ```kotlin
 * val call = session.call(request)
 * var added = call.headers()
 * while (true) {
 *     val response = send(request, added)
 *     when (val next = call.answered(response)) {
 *         is Next.Keep -> return response
 *         is Next.SendAgain -> added = next.added
 *     }
 * }
 * ```
 */
public class Call internal constructor(private val session: Session, private var request: CallRequest) {
    /** A valid token of the fast path, which needs no native call object. */
    private var ready: ReadyToken? = null
    private var isWatched = false
    private var target: FastTarget? = null
    private var native: NativeCall? = null

    /** The current URL of the request, after redirects. */
    public val url: String get() = request.url

    /** Whether the request is sent without the session's token. */
    public var isUnsigned: Boolean = false
        private set

    /**
     * Whether a redirect has left the origin. From then on, send none of the session's headers, and only those of the
     * request's own headers that [mayTravel] allows.
     */
    public var hasLeft: Boolean = false
        private set

    /** Returns the headers to add before the first send. Waits if the token must be refreshed first. */
    public suspend fun headers(): Added =
        headersAtOnce() ?: session.calling { signedWith(checkNotNull(native).headers()) }

    /** As [headers], but returns `null` instead of waiting. */
    public fun headersAtOnce(): Added? {
        session.open()
        val targets = session.targets
        if (targets.credentialHeaders.any(request::has)) return unsigned()
        val target = targets.of(request.url).also { target = it } ?: return unsigned()
        // A native call knows only the tokens that it returned itself, so the fast path is not used after it.
        val tag = if (native == null) target.fastTag() else 0uL
        if (tag != 0uL) ready = target.ready(tag)
        ready?.let {
            isWatched = target.watches(tag)
            return it.added
        }
        return native { call().headersAtOnce() }?.let(::signedWith)
    }

    /** What to do after the response, if its status is enough to know; otherwise `null`: call [answered]. */
    public fun answeredAtOnce(response: CallResponse): Next? {
        if (isUnsigned) return KEEP
        val isPlain = native == null && !isWatched && response.status < 400 && target?.judgesSuccess == false
        return if (isPlain) ACCEPTED else null
    }

    /**
     * Returns what to do after a response. If the session's token was rejected, waits for a new one.
     *
     * @throws RekindleException a refresh was needed and failed.
     */
    public suspend fun answered(response: CallResponse): Next {
        answeredAtOnce(response)?.let { return it }
        val rejected = judge(response) ?: return ACCEPTED
        return session.calling { rejected.answered(request.content().native(), request.operation?.native()) }.told()
    }

    /**
     * Whether a response rejects the session's token; [answered] then returns what to do. For adapters below a client that
     * follows redirects by itself: a redirect to a login page must not be followed (spec 2.11). Waits only for the body.
     */
    public suspend fun rejects(response: CallResponse): Boolean = answeredAtOnce(response) == null && judge(response) != null

    /**
     * The HTTP client was redirected, and continues with this request. Returns the headers to add to it; none if the redirect
     * has left the origin ([hasLeft]).
     */
    public fun redirected(to: CallRequest): Added = native {
        val call = call()
        request = to
        val added = signedWith(call.redirected(to.method, to.url))
        hasLeft = isUnsigned && call.unsigned() == "left_origin"
        added
    }

    /**
     * The HTTP client followed redirects by itself, and the response is from this URL. If that is another origin, the response
     * says nothing about the token. A request that may have had an effect is not sent again.
     */
    public fun answeredFrom(url: String) {
        if (url == request.url || isUnsigned) return
        native {
            val call = call()
            call.answeredFrom(url)
            hasLeft = call.unsigned() == "left_origin"
        }
        isUnsigned = isUnsigned || hasLeft
    }

    override fun toString(): String = "Call(${request.method} ${place(url)})"

    /** The native call that rejects the response; `null` if the token was accepted. */
    private suspend fun judge(response: CallResponse): NativeCall? {
        val status = response.status.coerceIn(0, UShort.MAX_VALUE.toInt()).toUShort()
        val headers = response.headers().map(Header::native)
        val (asked, held) = native to ready
        val reads = native { asked?.reads(status, headers) ?: checkNotNull(target).reads(status, headers) }
        val body = read(response, reads)
        val rejected = native {
            if (asked != null || held == null) {
                call().takeUnless { it.accepts(status, headers, body) }
            } else {
                val own = request.headers().map(Header::native)
                checkNotNull(target).answered(held.token, request.method, url, own, status, headers, body)
            }
        }
        if (rejected == null) isWatched = false else native = rejected
        return rejected
    }

    private fun call(): NativeCall = native ?: made().also { native = it }

    private fun made(): NativeCall {
        val headers = request.headers().map(Header::native)
        val held = ready ?: return session.native.call(request.method, url, headers)
        return checkNotNull(target).call(held.token, request.method, url, headers)
    }

    private fun unsigned(): Added {
        isUnsigned = true
        return Added.Nothing
    }

    private fun signedWith(added: NativeAdded): Added {
        isUnsigned = added.headers.isEmpty()
        return added.told()
    }

    public companion object {
        private val KEEP = Next.Keep(null)
        private val ACCEPTED = Next.Keep(Judged(Verdict.Accepted, null))

        /**
         * Whether a request's header of this name may be sent to another origin after a redirect: it is known to carry no
         * credential.
         */
        public fun mayTravel(header: String): Boolean = native { mayTravelToOtherOrigins(header) }
    }
}

private suspend fun read(response: CallResponse, reads: Reads): ByteArray = when (reads) {
    is Reads.Nothing -> ByteArray(0)
    is Reads.UpTo -> response.peek(reads.limit.toLong())
    is Reads.IfJson -> {
        val first = response.peek(FIRST_BYTES)
        if (native { goesOn(first) }) response.peek(reads.limit.toLong()) else first
    }
}

/** Enough to see whether a body begins like JSON. */
private const val FIRST_BYTES = 64L

internal fun NativeAdded.told() = Added(headers.map { Header(it.name, it.value) }, stayAtRedirects)

private fun Content.native(): NativeContent = when (this) {
    is Content.Bytes -> NativeContent.Bytes(bytes)
    Content.Replayable -> NativeContent.Replayable
    Content.Once -> NativeContent.Once
}

private fun NativeNext.told(): Next = when (this) {
    is NativeNext.SendAgain -> Next.SendAgain(added.told())
    is NativeNext.Keep -> Next.Keep(judged?.told())
}

private fun NativeJudged.told() = Judged(verdict.told(), replayRefused)
