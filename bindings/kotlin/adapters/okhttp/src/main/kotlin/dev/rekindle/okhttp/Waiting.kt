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
 * A call failed with an error of the session, which is the cause. OkHttp passes on only `IOException`s.
 *
 * ```kotlin
 * catch (e: RekindleIOException) { if (e.error is RekindleException.LoginRequired) showLogin() }
 * ```
 */
public class RekindleIOException internal constructor(
    /** The session's error. */
    public val error: RekindleException,
    /** The response that caused the error, with its body read; `null` if there was none. */
    public val response: Response?,
) : IOException(error.message, error)

/** How often to check whether a call was cancelled: OkHttp has no notification. */
private const val LOOK_EVERY_MS = 20L

/**
 * Waits on this thread, until the call is cancelled at the latest. The awaited work continues without the wait. The
 * continuation also runs on this thread, because the native library's thread that resumes it must not call the session.
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
