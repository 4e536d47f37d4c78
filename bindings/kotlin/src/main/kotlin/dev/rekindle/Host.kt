package dev.rekindle

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ThreadContextElement
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.withContext
import kotlin.coroutines.AbstractCoroutineContextElement
import kotlin.coroutines.CoroutineContext

/**
 * Marks code that runs on behalf of sessions. Such code must not wait for those sessions, because they wait for it.
 * `logins`: the session states that a login handler is signing in; it may sign them in, but not request their tokens.
 */
private class Inside(val sessions: Set<Any>, val logins: Set<ULong> = emptySet()) :
    AbstractCoroutineContextElement(Inside), ThreadContextElement<Inside?> {
    override fun updateThreadContext(context: CoroutineContext): Inside? = onThread.get().also { onThread.set(this) }

    override fun restoreThreadContext(context: CoroutineContext, oldState: Inside?) = onThread.set(oldState)

    companion object Key : CoroutineContext.Key<Inside> {
        /** For blocking clients: their `runBlocking` is not a child of the calling coroutine. */
        val onThread = ThreadLocal<Inside?>()

        suspend fun here(): Inside? = currentCoroutineContext()[Inside] ?: onThread.get()
    }
}

/**
 * Runs a user's function for a session. `failure` converts whatever it throws, including an `Error`; otherwise the native
 * library would never get an answer.
 */
internal suspend fun <T> hosted(session: Any, failure: (Throwable) -> Exception, call: suspend () -> T): T {
    val before = Inside.here()
    return inside(Inside(before?.sessions.orEmpty() + session, before?.logins.orEmpty()), failure, call)
}

/** Runs a user's login handler. */
internal suspend fun <T> signing(state: ULong, failure: (Throwable) -> Exception, call: suspend () -> T): T {
    val before = Inside.here()
    return inside(Inside(before?.sessions.orEmpty(), before?.logins.orEmpty() + state), failure, call)
}

private suspend fun <T> inside(mark: Inside, failure: (Throwable) -> Exception, call: suspend () -> T): T {
    return try {
        // The user's function may block.
        withContext(Dispatchers.IO + mark) { call() }
    } catch (thrown: Throwable) {
        // If this coroutine was cancelled, nothing waits for the answer. The user's own CancellationException is a failure.
        if (thrown is CancellationException && !currentCoroutineContext().isActiveNow()) throw thrown
        throw failure(thrown)
    }
}

private fun CoroutineContext.isActiveNow(): Boolean = this[kotlinx.coroutines.Job]?.isActive ?: true

/** Rejects a call that would wait for itself (spec 4.8). */
internal suspend fun guard(session: Any) {
    if (Inside.here()?.sessions?.contains(session) == true) {
        throw RekindleException.Misuse(
            "a store, transport or refresh function called the session that it serves: that would wait for itself; " +
                "use a plain HTTP client there",
        )
    }
}

/** Rejects a login handler's request for a token of the session that it signs in (spec 12.13). */
internal suspend fun guardLogin(state: () -> ULong) {
    val logins = Inside.here()?.logins ?: return
    if (logins.isNotEmpty() && state() in logins) {
        throw RekindleException.Misuse(
            "the login handler asked the session that it signs in for a token: that would wait for itself; sign in first",
        )
    }
}
