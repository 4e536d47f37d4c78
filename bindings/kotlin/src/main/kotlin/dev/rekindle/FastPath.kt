package dev.rekindle

import com.sun.jna.CallbackThreadInitializer
import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.Pointer
import dev.rekindle.ffi.Login
import dev.rekindle.ffi.ManualClock
import dev.rekindle.ffi.Refresh
import dev.rekindle.ffi.Session
import dev.rekindle.ffi.SessionConfig
import dev.rekindle.ffi.StoreChoice
import dev.rekindle.ffi.Target
import dev.rekindle.ffi.Token
import dev.rekindle.ffi.Transport
import dev.rekindle.ffi.UniffiWithHandle
import dev.rekindle.ffi.uniffiRustFutureContinuationCallbackImpl
import java.lang.ref.Reference
import java.util.concurrent.ConcurrentHashMap
import dev.rekindle.ffi.EventListener as NativeListener

/**
 * A native session with a short way to the one question that is asked for every request. The generated way lets JNA read
 * and write a structure for the status of each of its two calls, which costs several times as much as the calls.
 *
 * It must not be freed while it is asked: nobody calls `close` on it, and the collector sees the fence.
 */
internal class FastSession : Session {
    init {
        CallbackThreads.stayAttached()
    }

    constructor(
        config: SessionConfig,
        store: StoreChoice,
        transport: Transport?,
        refresh: Refresh?,
        listener: NativeListener?,
        clock: ManualClock?,
        login: Login?,
    ) : super(config, store, transport, refresh, listener, clock, login)

    /** One that an app made. */
    constructor(session: Session) : super(UniffiWithHandle, session.uniffiCloneHandle())

    /** [tokenTag], by the short way. */
    fun fastTag(): ULong {
        val status = STATUS.get()
        val own = Direct.uniffi_rekindle_uniffi_fn_clone_session(handle, status)
        val tag = Direct.uniffi_rekindle_uniffi_fn_method_session_token_tag(own, status)
        Reference.reachabilityFence(this)
        if (status.getByte(0) == 0.toByte()) return tag.toULong()
        // The long way tells what is wrong.
        status.clear()
        return tokenTag()
    }
}

/** One of a session's origins, with the same short way to the token for it. */
internal class FastTarget(target: Target) : Target(UniffiWithHandle, target.uniffiCloneHandle()) {
    /** Whether a response below 400 may hold something against the token: it does not change. */
    val judgesSuccess: Boolean = judgesSuccess()

    @Volatile
    private var last: ReadyToken? = null

    /** [tokenTag], by the short way. */
    fun fastTag(): ULong {
        val status = STATUS.get()
        val own = Direct.uniffi_rekindle_uniffi_fn_clone_target(handle, status)
        val tag = Direct.uniffi_rekindle_uniffi_fn_method_target_token_tag(own, status)
        Reference.reachabilityFence(this)
        if (status.getByte(0) == 0.toByte()) return tag.toULong()
        status.clear()
        return native { tokenTag() }
    }

    /** The token of that tag, or the one that has taken its place; nothing where none can be served any more. */
    fun ready(tag: ULong): ReadyToken? {
        val held = last
        if (held != null && held.tag == (tag and WATCHED.inv())) return held
        val token = native { token() } ?: return null
        return native { ReadyToken(token, token.tag(), headers(token).told()) }.also { last = it }
    }

    /** Whether the session wants to hear of an accepted response to a request with the token of that tag. */
    fun watches(tag: ULong): Boolean = tag and WATCHED != 0uL

    private companion object {
        const val WATCHED = 1uL
    }
}

/** A valid token with the headers that carry it. */
internal class ReadyToken(val token: Token, val tag: ULong, val added: Added)

/** The origins that requests go to. */
internal class Targets(private val session: Session) {
    /** Listed ones alone, which are few. */
    private val known = ConcurrentHashMap<String, FastTarget>()

    /** The headers that carry credentials, in lower case; a request that has one brings its own. */
    val credentialHeaders: List<String> = native { session.credentialHeaders() }

    /** Nothing where the URL's origin is not listed. */
    fun of(url: String): FastTarget? {
        val origin = url.substring(0, end(url))
        return known[origin] ?: native { session.target(url) }?.let(::FastTarget)?.also {
            // One for each user name and password would be without end.
            if ('@' !in origin) known.putIfAbsent(origin, it)
        }
    }

    private fun end(url: String): Int {
        val begin = url.indexOf("://") + "://".length
        return url.indexOfAny(AFTER_AUTHORITY, begin).takeIf { it >= 0 } ?: url.length
    }

    private companion object {
        val AFTER_AUTHORITY = charArrayOf('/', '?', '#', '\\')
    }
}

/**
 * The native threads that tell the end of a call. JNA attaches a thread to the JVM for each call back and detaches it
 * afterwards, unless it is told that the thread stays: that cost more than the rest of a request.
 */
internal object CallbackThreads {
    init {
        Native.setCallbackThreadInitializer(
            uniffiRustFutureContinuationCallbackImpl,
            // A daemon: no thread of ours keeps a program alive.
            CallbackThreadInitializer(true, false, "rekindle"),
        )
    }

    /** Before the first call. */
    fun stayAttached() = Unit
}

/** UniFFI's call status: a code, and a buffer of three words. */
private const val STATUS_BYTES = 32L

private val STATUS: ThreadLocal<Memory> = ThreadLocal.withInitial { Memory(STATUS_BYTES).apply { clear() } }

/** The functions of the generated library, with a plain pointer for the status. */
@Suppress("ktlint:standard:function-naming")
private object Direct {
    init {
        val override = System.getProperty("uniffi.component.rekindle_uniffi.libraryOverride")
        Native.register(Direct::class.java, override ?: "rekindle_uniffi")
    }

    external fun uniffi_rekindle_uniffi_fn_clone_session(handle: Long, status: Pointer): Long

    external fun uniffi_rekindle_uniffi_fn_method_session_token_tag(handle: Long, status: Pointer): Long

    external fun uniffi_rekindle_uniffi_fn_clone_target(handle: Long, status: Pointer): Long

    external fun uniffi_rekindle_uniffi_fn_method_target_token_tag(handle: Long, status: Pointer): Long
}
