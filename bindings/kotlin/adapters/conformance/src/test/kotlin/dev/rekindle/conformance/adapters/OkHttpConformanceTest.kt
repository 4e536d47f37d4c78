package dev.rekindle.conformance.adapters

import dev.rekindle.RekindleException
import dev.rekindle.Session
import dev.rekindle.conformance.Through
import dev.rekindle.conformance.Results
import dev.rekindle.conformance.adapterCases
import dev.rekindle.conformance.body
import dev.rekindle.conformance.ms
import dev.rekindle.conformance.strings
import dev.rekindle.okhttp.RekindleIOException
import dev.rekindle.okhttp.addRekindle
import dev.rekindle.okhttp.judged
import dev.rekindle.text
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Dispatcher
import okhttp3.MediaType
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import okio.BufferedSink
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import java.io.IOException
import java.util.concurrent.TimeUnit
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException

class OkHttpConformanceTest {
    @TestFactory
    fun cases(): List<DynamicTest> = adapterCases(emptyMap(), ::ThroughOkHttp)
}

private class ThroughOkHttp(session: Session) : Through {
    private val client = OkHttpClient.Builder().addRekindle(session)
        .dispatcher(Dispatcher().apply { maxRequestsPerHost = maxRequests })
        .build()

    override suspend fun send(results: Results, url: String, operation: JsonObject): JsonObject {
        val call = client.newCall(request(url, operation))
        operation.ms("timeout_ms")?.let { call.timeout().timeout(it.inWholeMilliseconds, TimeUnit.MILLISECONDS) }
        return try {
            call.answer().use { answer(results, it) }
        } catch (failed: RekindleIOException) {
            results.error(failed.error, failed.response?.let { answer(results, it) })
        } catch (lost: IOException) {
            results.error(RekindleException.Connection(lost.toString()), null)
        }
    }

    private fun answer(results: Results, response: Response): JsonObject = buildJsonObject {
        put("status", response.code)
        put("url", response.request.url.toString())
        put("headers", JsonObject(response.headers.associate { (name, value) -> name.lowercase() to JsonPrimitive(value) }))
        body(response.body.string())
        response.judged?.let { put("verdict", results.verdict(it.verdict)) }
        response.judged?.replayRefused?.let { put("replay_refused", it) }
    }

    override fun close() {
        client.dispatcher.executorService.shutdown()
        client.connectionPool.evictAll()
    }
}

private fun request(url: String, operation: JsonObject): Request {
    val method = operation.text("method") ?: "GET"
    val body = operation["json"]?.toString()?.encodeToByteArray()?.toRequestBody("application/json".toMediaType())
        ?: operation.text("stream")?.let(::Once)
        ?: ByteArray(0).toRequestBody().takeIf { method in listOf("POST", "PUT", "PATCH") }
    val request = Request.Builder().url(url).method(method, body)
    strings(operation["headers"]).forEach(request::header)
    return request.build()
}

/** A body that can be sent once. */
private class Once(private val text: String) : RequestBody() {
    override fun contentType(): MediaType? = null

    override fun isOneShot() = true

    override fun writeTo(sink: BufferedSink) {
        sink.writeUtf8(text)
    }
}

private suspend fun Call.answer(): Response = suspendCancellableCoroutine { waiting ->
    waiting.invokeOnCancellation { cancel() }
    enqueue(object : Callback {
        override fun onFailure(call: Call, e: IOException) = waiting.resumeWithException(e)

        override fun onResponse(call: Call, response: Response) = waiting.resume(response) { _, late, _ -> late.close() }
    })
}
