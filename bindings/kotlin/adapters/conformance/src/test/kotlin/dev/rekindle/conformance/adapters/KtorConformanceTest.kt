package dev.rekindle.conformance.adapters

import dev.rekindle.RekindleException
import dev.rekindle.Session
import dev.rekindle.conformance.Through
import dev.rekindle.conformance.Results
import dev.rekindle.conformance.adapterCases
import dev.rekindle.conformance.body
import dev.rekindle.conformance.strings
import dev.rekindle.ktor.Rekindle
import dev.rekindle.ktor.judged
import dev.rekindle.ktor.rejected
import dev.rekindle.text
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.request.header
import io.ktor.client.request.request
import io.ktor.client.request.setBody
import io.ktor.client.statement.HttpResponse
import io.ktor.client.statement.bodyAsText
import io.ktor.client.statement.request
import io.ktor.http.ContentType
import io.ktor.http.HttpMethod
import io.ktor.http.content.ByteArrayContent
import io.ktor.util.flattenEntries
import io.ktor.utils.io.ByteReadChannel
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import java.io.IOException
import java.nio.channels.UnresolvedAddressException

/** Cases that Ktor cannot play, each with the reason; they must fail. */
private val BEYOND: Map<String, String> =
    listOf("redirect-303-post", "redirect-302-post", "redirect-307-post", "redirect-308-put").associateWith { GET_ALONE }

private const val GET_ALONE = "Ktor follows redirects of GET and HEAD alone"

class KtorConformanceTest {
    @TestFactory
    fun cases(): List<DynamicTest> = adapterCases(BEYOND, ::ThroughKtor)
}

private class ThroughKtor(kept: Session) : Through {
    private val client = HttpClient(CIO) { install(Rekindle) { session = kept } }

    override suspend fun send(results: Results, url: String, operation: JsonObject): JsonObject = try {
        answer(results, client.request(url) { say(operation) })
    } catch (error: RekindleException) {
        results.error(error, error.rejected?.let { answer(results, it) })
    } catch (lost: IOException) {
        results.error(RekindleException.Connection(lost.toString()), null)
    } catch (lost: UnresolvedAddressException) {
        results.error(RekindleException.Connection(lost.toString()), null)
    }

    private suspend fun answer(results: Results, response: HttpResponse): JsonObject {
        val text = response.bodyAsText()
        return buildJsonObject {
            put("status", response.status.value)
            put("url", response.request.url.toString())
            val headers = response.headers.flattenEntries()
            put("headers", JsonObject(headers.associate { (name, value) -> name.lowercase() to JsonPrimitive(value) }))
            body(text)
            response.judged?.let { put("verdict", results.verdict(it.verdict)) }
            response.judged?.replayRefused?.let { put("replay_refused", it) }
        }
    }

    override fun close() = client.close()
}

private fun HttpRequestBuilder.say(operation: JsonObject) {
    method = HttpMethod(operation.text("method") ?: "GET")
    strings(operation["headers"]).forEach { (name, value) -> header(name, value) }
    operation["json"]?.let { setBody(ByteArrayContent(it.toString().encodeToByteArray(), ContentType.Application.Json)) }
    operation.text("stream")?.let { setBody(ByteReadChannel(it)) }
}
