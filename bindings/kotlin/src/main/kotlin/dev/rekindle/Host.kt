package dev.rekindle

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.withContext
import kotlin.coroutines.AbstractCoroutineContextElement
import kotlin.coroutines.CoroutineContext

/** Marks what runs on a session's behalf: there it must not wait for that session, which waits for it. */
private class Inside(val sessions: Set<Any>) : AbstractCoroutineContextElement(Inside) {
    companion object Key : CoroutineContext.Key<Inside>
}

/**
 * Runs what a user wrote for a session. Whatever it throws is told by `failure`: what is not an `Exception` as well, or
 * the native half would wait for an answer for ever.
 */
internal suspend fun <T> hosted(session: Any, failure: (Throwable) -> Exception, call: suspend () -> T): T {
    val before = currentCoroutineContext()[Inside]?.sessions.orEmpty()
    return try {
        // It may block.
        withContext(Dispatchers.IO + Inside(before + session)) { call() }
    } catch (thrown: Throwable) {
        // A cancelled wait has nobody left to tell; a CancellationException of the user's own is a failure as any other.
        if (thrown is CancellationException && !currentCoroutineContext().isActiveNow()) throw thrown
        throw failure(thrown)
    }
}

private fun CoroutineContext.isActiveNow(): Boolean = this[kotlinx.coroutines.Job]?.isActive ?: true

/** Refuses a call that would wait for itself (rule 4.8). */
internal suspend fun guard(session: Any) {
    if (currentCoroutineContext()[Inside]?.sessions?.contains(session) == true) {
        throw RekindleException.Misuse(
            "a store, transport or refresh function called the session that it serves: that would wait for itself; " +
                "use a plain HTTP client there",
        )
    }
}
