package dev.rekindle.compare

import dev.rekindle.Credential
import dev.rekindle.Dialect
import dev.rekindle.FileStore
import dev.rekindle.Rotation
import dev.rekindle.Session
import dev.rekindle.ktor.Rekindle
import dev.rekindle.okhttp.addRekindle
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.plugins.HttpTimeout
import io.ktor.client.request.get
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.future.future
import kotlinx.coroutines.runBlocking
import okhttp3.Call
import okhttp3.Callback
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import java.io.IOException
import java.util.concurrent.CompletableFuture
import kotlin.time.toJavaDuration

// ANCHOR: session
private fun session(terms: Terms) = Session(
    dialect = Dialect("json"),
    tokenUrl = "${terms.url}/refresh",
    credential = Credential(accessToken = terms.tokens.access, refreshToken = terms.tokens.refresh),
    origins = listOf(terms.url),
    store = FileStore(terms.file),
    rotation = Rotation.StrictFamily,
    waitTimeout = terms.deadline,
)
// ANCHOR_END: session

/** OkHttp with rekindle's interceptor. */
class RekindleOkHttp(private val terms: Terms) : Contender {
    // ANCHOR: okhttp
    private val session = session(terms)
    private val client = OkHttpClient.Builder().addRekindle(session).callTimeout(terms.deadline.toJavaDuration()).build()
    // ANCHOR_END: okhttp

    override fun begin(path: String): Under = client.begin(terms.url + path)

    override fun signOut() = runBlocking { session.signOut() }

    override fun close() = client.end()
}

/** Ktor with rekindle's plugin. */
class RekindleKtor(private val terms: Terms) : Contender {
    // ANCHOR: ktor
    private val kept = session(terms)
    private val client = HttpClient(CIO) {
        install(HttpTimeout) { requestTimeoutMillis = terms.deadline.inWholeMilliseconds }
        install(Rekindle) { session = kept }
    }
    // ANCHOR_END: ktor
    private val calls = Calls(client)

    override fun begin(path: String): Under = calls.begin(terms.url + path)

    override fun signOut() = runBlocking { kept.signOut() }

    override fun close() = calls.close()
}

/** Calls of a Ktor client, each a coroutine of its own. */
internal class Calls(private val client: HttpClient) : AutoCloseable {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    fun begin(url: String): Under {
        val future = scope.future { client.get(url).status.value }
        return Under(future) { future.cancel(true) }
    }

    override fun close() {
        scope.cancel()
        client.close()
    }
}

internal fun OkHttpClient.begin(url: String): Under {
    val call = newCall(Request.Builder().url(url).build())
    val answer = CompletableFuture<Int>()
    call.enqueue(object : Callback {
        override fun onFailure(call: Call, e: IOException) {
            answer.completeExceptionally(e)
        }

        override fun onResponse(call: Call, response: Response) {
            answer.complete(response.use { it.code })
        }
    })
    return Under(answer, call::cancel)
}

internal fun OkHttpClient.end() {
    dispatcher.executorService.shutdown()
    connectionPool.evictAll()
}
