package dev.rekindle

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ThreadContextElement
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.withContext
import kotlin.coroutines.AbstractCoroutineContextElement
import kotlin.coroutines.CoroutineContext

/**
 * Marks what runs on a session's behalf: there it must not wait for that session, which waits for it. `logins`: the states that
 * are being signed in, whose sessions may sign in there, and not be asked for a token.
 */
private class Inside(val sessions: Set<Any>, val logins: Set<ULong> = emptySet()) :
    AbstractCoroutineContextElement(Inside), ThreadContextElement<Inside?> {
    override fun updateThreadContext(context: CoroutineContext): Inside? = onThread.get().also { onThread.set(this) }

    override fun restoreThreadContext(context: CoroutineContext, oldState: Inside?) = onThread.set(oldState)

    companion object Key : CoroutineContext.Key<Inside> {
        /** For clients that block: what they wait in is no child of the coroutine that called them. */
        val onThread = ThreadLocal<Inside?>()

        suspend fun here(): Inside? = currentCoroutineContext()[Inside] ?: onThread.get()
    }
}

/**
 * Runs what a user wrote for a session. Whatever it throws is told by `failure`: what is not an `Exception` as well, or
 * the native half would wait for an answer for ever.
 */
internal suspend fun <T> hosted(session: Any, failure: (Throwable) -> Exception, call: suspend () -> T): T {
    val before = Inside.here()
    return inside(Inside(before?.sessions.orEmpty() + session, before?.logins.orEmpty()), failure, call)
}

/** Runs what a user wrote to sign a session in. */
internal suspend fun <T> signing(state: ULong, failure: (Throwable) -> Exception, call: suspend () -> T): T {
    val before = Inside.here()
    return inside(Inside(before?.sessions.orEmpty(), before?.logins.orEmpty() + state), failure, call)
}

private suspend fun <T> inside(mark: Inside, failure: (Throwable) -> Exception, call: suspend () -> T): T {
    return try {
        // It may block.
        withContext(Dispatchers.IO + mark) { call() }
    } catch (thrown: Throwable) {
        // A cancelled wait has nobody left to tell; a CancellationException of the user's own is a failure as any other.
        if (thrown is CancellationException && !currentCoroutineContext().isActiveNow()) throw thrown
        throw failure(thrown)
    }
}

private fun CoroutineContext.isActiveNow(): Boolean = this[kotlinx.coroutines.Job]?.isActive ?: true

/** Refuses a call that would wait for itself (rule 4.8). */
internal suspend fun guard(session: Any) {
    if (Inside.here()?.sessions?.contains(session) == true) {
        throw RekindleException.Misuse(
            "a store, transport or refresh function called the session that it serves: that would wait for itself; " +
                "use a plain HTTP client there",
        )
    }
}

/** Refuses a login handler's call for a token of the session that it signs in (rule 12.13). */
internal suspend fun guardLogin(state: () -> ULong) {
    val logins = Inside.here()?.logins ?: return
    if (logins.isNotEmpty() && state() in logins) {
        throw RekindleException.Misuse(
            "the login handler asked the session that it signs in for a token: that would wait for itself; sign in first",
        )
    }
}
