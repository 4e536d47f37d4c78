package dev.rekindle.okhttp

import dev.rekindle.RekindleException
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.supervisorScope
import kotlinx.coroutines.withTimeoutOrNull
import okhttp3.Call
import okhttp3.Response
import java.io.IOException
import java.io.InterruptedIOException

/**
 * A call ended by an error of the session's, which is its cause. OkHttp lets nothing but an `IOException` pass.
 *
 * ```kotlin
 * catch (e: RekindleIOException) { if (e.error is RekindleException.LoginRequired) showLogin() }
 * ```
 */
public class RekindleIOException internal constructor(
    /** What went wrong. */
    public val error: RekindleException,
    /** The response that it is about, its body read; nothing where the error came before the request. */
    public val response: Response?,
) : IOException(error.message, error)

/** OkHttp tells nobody that a call was cancelled, so it is asked, as often as this. */
private const val LOOK_EVERY_MS = 20L

/**
 * Waits on this thread, no longer than the call is wanted. What is waited for goes on without it. What follows runs on this
 * thread too: on the library's own, which tells that a wait is over, nothing may be asked of the session.
 */
internal fun <T> waiting(call: Call, work: suspend () -> T): T = try {
    runBlocking {
        supervisorScope {
            val wanted = async { work() }
            while (withTimeoutOrNull(LOOK_EVERY_MS) { wanted.join() } == null) {
                if (call.isCanceled()) wanted.cancel()
            }
            wanted.await()
        }
    }
} catch (_: CancellationException) {
    throw IOException("Canceled")
} catch (_: InterruptedException) {
    Thread.currentThread().interrupt()
    throw InterruptedIOException("interrupted")
}
