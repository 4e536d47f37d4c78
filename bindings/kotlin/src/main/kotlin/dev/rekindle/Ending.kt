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

/** The longest that the end of the process waits, for all sessions together. */
private val MOST: Duration = 5.seconds

/**
 * At shutdown, the JVM waits for refreshes in progress, unsaved credentials and undelivered events, including those of
 * sessions that have been garbage-collected. So a program that exits early loses none of them.
 */
internal object Ending {
    private class Kept(val isSettled: () -> Boolean, val shutdown: suspend (java.time.Duration) -> Boolean)

    private val kept: MutableSet<Kept> = ConcurrentHashMap.newKeySet()

    /** Sessions and apps that were not settled when they were garbage-collected. */
    private val lingering: MutableSet<Kept> = ConcurrentHashMap.newKeySet()

    init {
        try {
            Runtime.getRuntime().addShutdownHook(Thread(::end, "rekindle-end"))
        } catch (_: IllegalStateException) {
            // The JVM is already shutting down.
        }
    }

    fun seesOut(session: Session, native: NativeSession) =
        seesOut(session, Kept({ native.isSettled() }, { native.shutdown(it) }))

    fun seesOut(app: App, native: NativeApp) = seesOut(app, Kept({ native.isSettled() }, { native.shutdown(it) }))

    private fun seesOut(owner: Any, one: Kept) {
        kept += one
        // Android has java.lang.ref.Cleaner only from API 33; UniFFI's cleaner works everywhere.
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
            // A test's session may wait on a manual clock that no longer advances, so the wait has its own limit.
            runCatching { if (!one.isSettled()) withTimeoutOrNull(left) { one.shutdown(MOST.crossing("most")) } }
        }
    }
}
