package dev.rekindle.conformance

import dev.rekindle.Credential
import dev.rekindle.TestServer
import dev.rekindle.text
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.put

/** A server of a case. Its controls wait on the thread: nothing else of the case goes on meanwhile. */
class Server(spec: JsonObject?) : AutoCloseable {
    private val model: JsonObject? = (spec?.get("auth") as? JsonObject)?.let(::prefixed)
    private val server = TestServer(model?.toString())
    val url: String get() = server.url
    val hasModel: Boolean get() = model != null

    fun play(steps: JsonElement?) {
        val script = buildJsonObject { put("steps", steps ?: JsonArray(emptyList())) }
        control("POST", "/__script", script.toString())
    }

    /** The requests so far, as patterns speak of them. */
    fun log(): List<JsonObject> = control("GET", "/__log").jsonArray.map { logged(it.jsonObject) }

    fun complaints(): List<String> {
        val said = control("GET", "/__consumed") as? JsonObject ?: return emptyList()
        return (said["complaints"] as? JsonArray).orEmpty().map { (it as JsonPrimitive).content }
    }

    fun counters(): JsonElement = control("GET", "/__counters")

    fun signIn(): Credential = runBlocking { server.signIn() }

    fun control(method: String, path: String, body: String? = null): JsonElement =
        runBlocking { server.control(method, path, body) }

    override fun close() = server.close()
}

private fun prefixed(model: JsonObject): JsonObject =
    if (model.text("token_prefix").isNullOrEmpty()) JsonObject(model + ("token_prefix" to JsonPrimitive("SECRET-"))) else model

private fun logged(request: JsonObject): JsonObject {
    val authorization = request.text("authorization").orEmpty()
    val token = authorization.substringAfter(' ', authorization)
    val headers = (request["headers"] as? JsonArray)?.let { pairs ->
        JsonObject(pairs.associate { (it.jsonArray[0] as JsonPrimitive).content to it.jsonArray[1] })
    }
    return JsonObject(request + ("token" to JsonPrimitive(token)) + (headers?.let { mapOf("headers" to it) }.orEmpty()))
}
