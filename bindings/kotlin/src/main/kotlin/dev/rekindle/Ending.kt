package dev.rekindle

import dev.rekindle.ffi.UniffiLib
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeoutOrNull
import java.util.concurrent.ConcurrentHashMap
import kotlin.time.Duration
import kotlin.time.Duration.Companion.nanoseconds
import kotlin.time.Duration.Companion.seconds
import dev.rekindle.ffi.App as NativeApp
import dev.rekindle.ffi.Session as NativeSession

/** What the end of the process waits for, of all sessions together so long at most. */
private val MOST: Duration = 5.seconds

/**
 * The end of the JVM waits for a refresh that is under way, a credential that is not saved yet and events that nobody has
 * heard yet: a program that ends at once loses none of them, also of sessions that nobody holds any more.
 */
internal object Ending {
    private class Kept(val isSettled: () -> Boolean, val shutdown: suspend (java.time.Duration) -> Boolean)

    private val kept: MutableSet<Kept> = ConcurrentHashMap.newKeySet()

    /** Of those that were collected, those that were not settled then. */
    private val lingering: MutableSet<Kept> = ConcurrentHashMap.newKeySet()

    init {
        try {
            Runtime.getRuntime().addShutdownHook(Thread(::end, "rekindle-end"))
        } catch (_: IllegalStateException) {
            // The end has begun.
        }
    }

    fun seesOut(session: Session, native: NativeSession) =
        seesOut(session, Kept({ native.isSettled() }, { native.shutdown(it) }))

    fun seesOut(app: App, native: NativeApp) = seesOut(app, Kept({ native.isSettled() }, { native.shutdown(it) }))

    private fun seesOut(owner: Any, one: Kept) {
        kept += one
        // Android has a cleaner of its own from API 33 on alone: this is the one that there is.
        UniffiLib.CLEANER.register(owner) {
            kept -= one
            lingering.removeIf { it.isSettled() }
            if (!one.isSettled()) lingering += one
        }
    }

    private fun end() = runBlocking {
        val until = System.nanoTime() + MOST.inWholeNanoseconds
        for (one in kept + lingering) {
            val left = (until - System.nanoTime()).coerceAtLeast(1).nanoseconds
            // A session of a test waits by a clock that nobody turns any more: this one goes on.
            runCatching { if (!one.isSettled()) withTimeoutOrNull(left) { one.shutdown(MOST.crossing("most")) } }
        }
    }
}
