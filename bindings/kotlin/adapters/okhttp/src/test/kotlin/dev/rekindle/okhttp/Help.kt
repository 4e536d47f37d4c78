package dev.rekindle.okhttp

import dev.rekindle.Session
import okhttp3.Call
import okhttp3.Callback
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import java.io.IOException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException
import java.util.concurrent.TimeUnit

internal fun client(session: Session): OkHttpClient = OkHttpClient.Builder().addRekindle(session).build()

internal fun get(url: String): Request = Request.Builder().url(url).build()

internal fun post(url: String, body: RequestBody = "{}".toRequestBody()): Request = Request.Builder().url(url).post(body).build()

/** The status of a call that is made here and now. */
internal fun OkHttpClient.status(request: Request): Int = newCall(request).execute().use { it.code }

/** A call under way on the dispatcher. */
internal class Under(private val call: Call) : Callback {
    private val answer = CompletableFuture<Response>()

    init {
        call.enqueue(this)
    }

    override fun onFailure(call: Call, e: IOException) {
        answer.completeExceptionally(e)
    }

    override fun onResponse(call: Call, response: Response) {
        answer.complete(response)
    }

    fun cancel() = call.cancel()

    /** Its answer's status, or what it failed with. */
    fun status(): Int = try {
        answer.get(60, TimeUnit.SECONDS).use { it.code }
    } catch (failed: ExecutionException) {
        throw failed.cause ?: failed
    }
}

internal fun OkHttpClient.begin(request: Request): Under = Under(newCall(request))
