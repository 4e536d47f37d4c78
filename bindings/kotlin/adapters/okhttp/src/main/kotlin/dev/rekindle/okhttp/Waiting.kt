package dev.rekindle.okhttp

import dev.rekindle.RekindleException
import kotlinx.coroutines.Job
import okhttp3.Call
import okhttp3.Response
import java.io.IOException
import java.io.InterruptedIOException
import java.util.concurrent.CancellationException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException
import java.util.concurrent.TimeUnit
import java.util.concurrent.TimeoutException
import kotlin.coroutines.Continuation
import kotlin.coroutines.startCoroutine

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

/** Waits on this thread, no longer than the call is wanted. What is waited for goes on without it. */
internal fun <T> waiting(call: Call, work: suspend () -> T): T {
    val wanted = Job()
    val done = CompletableFuture<T>()
    // What needs no waiting is done when this comes back.
    work.startCoroutine(
        Continuation(wanted) { result -> result.fold(done::complete, done::completeExceptionally) },
    )
    try {
        while (true) {
            try {
                return done.get(LOOK_EVERY_MS, TimeUnit.MILLISECONDS)
            } catch (_: TimeoutException) {
                if (call.isCanceled()) throw IOException("Canceled")
            }
        }
    } catch (failed: ExecutionException) {
        throw failed.cause ?: failed
    } catch (_: CancellationException) {
        throw IOException("Canceled")
    } catch (_: InterruptedException) {
        Thread.currentThread().interrupt()
        throw InterruptedIOException("interrupted")
    } finally {
        wanted.cancel()
    }
}
