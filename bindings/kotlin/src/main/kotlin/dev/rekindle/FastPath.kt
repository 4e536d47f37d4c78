package dev.rekindle

import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.Pointer
import dev.rekindle.ffi.ManualClock
import dev.rekindle.ffi.Refresh
import dev.rekindle.ffi.Session
import dev.rekindle.ffi.SessionConfig
import dev.rekindle.ffi.StoreChoice
import dev.rekindle.ffi.Transport
import dev.rekindle.ffi.UniffiWithHandle
import java.lang.ref.Reference
import dev.rekindle.ffi.EventListener as NativeListener

/**
 * A native session with a short way to the one question that is asked for every request. The generated way lets JNA read
 * and write a structure for the status of each of its two calls, which costs several times as much as the calls.
 *
 * It must not be freed while it is asked: nobody calls `close` on it, and the collector sees the fence.
 */
internal class FastSession : Session {
    constructor(
        config: SessionConfig,
        store: StoreChoice,
        transport: Transport?,
        refresh: Refresh?,
        listener: NativeListener?,
        clock: ManualClock?,
    ) : super(config, store, transport, refresh, listener, clock)

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
}
