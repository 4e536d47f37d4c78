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
 * A native session with a fast path for the one call that every request makes. In the generated code JNA reads and writes a
 * structure for the status of each of its two native calls, which costs several times as much as the calls.
 *
 * The session must not be freed during a call: nothing calls `close` on it, and the fence keeps it reachable.
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

    /** A session that an app created. */
    constructor(session: Session) : super(UniffiWithHandle, session.uniffiCloneHandle())

    /** [tokenTag], by the fast path. */
    fun fastTag(): ULong {
        val status = STATUS.get()
        val own = Direct.uniffi_rekindle_uniffi_fn_clone_session(handle, status)
        val tag = Direct.uniffi_rekindle_uniffi_fn_method_session_token_tag(own, status)
        Reference.reachabilityFence(this)
        if (status.getByte(0) == 0.toByte()) return tag.toULong()
        // The generated call throws the error.
        status.clear()
        return tokenTag()
    }
}

/** One of a session's origins, with the same fast path to its token. */
internal class FastTarget(target: Target) : Target(UniffiWithHandle, target.uniffiCloneHandle()) {
    /** Whether a response with a status below 400 may reject the token; constant. */
    val judgesSuccess: Boolean = judgesSuccess()

    @Volatile
    private var last: ReadyToken? = null

    /** [tokenTag], by the fast path. */
    fun fastTag(): ULong {
        val status = STATUS.get()
        val own = Direct.uniffi_rekindle_uniffi_fn_clone_target(handle, status)
        val tag = Direct.uniffi_rekindle_uniffi_fn_method_target_token_tag(own, status)
        Reference.reachabilityFence(this)
        if (status.getByte(0) == 0.toByte()) return tag.toULong()
        status.clear()
        return native { tokenTag() }
    }

    /** The token with this tag, or the one that replaced it; `null` if none is valid any more. */
    fun ready(tag: ULong): ReadyToken? {
        val held = last
        if (held != null && held.tag == (tag and WATCHED.inv())) return held
        val token = native { token() } ?: return null
        return native { ReadyToken(token, token.tag(), headers(token).told()) }.also { last = it }
    }

    /** Whether the session needs to see the next accepted response to a request with the token of this tag. */
    fun watches(tag: ULong): Boolean = tag and WATCHED != 0uL

    private companion object {
        const val WATCHED = 1uL
    }
}

/** A valid token, and the headers that carry it. */
internal class ReadyToken(val token: Token, val tag: ULong, val added: Added)

/** A session's origins that requests have been sent to. */
internal class Targets(private val session: Session) {
    /** Only listed origins, so there are few. */
    private val known = ConcurrentHashMap<String, FastTarget>()

    /** The names of headers that carry credentials, in lower case. A request with one of them is not signed. */
    val credentialHeaders: List<String> = native { session.credentialHeaders() }

    /** The target of this URL; `null` if its origin is not listed. */
    fun of(url: String): FastTarget? {
        val origin = url.substring(0, end(url))
        return known[origin] ?: native { session.target(url) }?.let(::FastTarget)?.also {
            // An entry for each user name and password would be unbounded.
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
 * The native threads that report the end of a call. By default JNA attaches such a thread to the JVM for each callback and
 * detaches it afterwards, which would cost more than the rest of a request.
 */
internal object CallbackThreads {
    init {
        Native.setCallbackThreadInitializer(
            uniffiRustFutureContinuationCallbackImpl,
            // Daemon threads, which do not keep the JVM running.
            CallbackThreadInitializer(true, false, "rekindle"),
        )
    }

    /** Must be called before the first native call. */
    fun stayAttached() = Unit
}

/** The size of UniFFI's call status: a code and a buffer of three words. */
private const val STATUS_BYTES = 32L

private val STATUS: ThreadLocal<Memory> = ThreadLocal.withInitial { Memory(STATUS_BYTES).apply { clear() } }

/** Functions of the native library, with a plain pointer for the status. */
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
