package dev.rekindle

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import java.net.ProxySelector
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse

/** `rekindle-test-server`, by its control paths. It ends with us: its standard input closes. */
class TestServer(model: String? = null) : AutoCloseable {
    private val process: Process
    val url: String

    init {
        val program = System.getenv("REKINDLE_TEST_SERVER")
            ?: error("REKINDLE_TEST_SERVER must name the program rekindle-test-server")
        process = ProcessBuilder(listOfNotNull(program, model)).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        url = Json.parseToJsonElement(process.inputReader().readLine()).jsonObject["url"]!!.jsonPrimitive.content
    }

    suspend fun script(vararg steps: String) = control("POST", "/__script", """{"steps": [${steps.joinToString()}]}""")

    /** The requests in order; waits until so many have arrived. */
    suspend fun log(wait: Int = 0): JsonArray = control("GET", "/__log?wait=$wait").jsonArray

    suspend fun count(path: String): Int = log().count { it.jsonObject["path"]!!.jsonPrimitive.content == path }

    suspend fun release(name: String) = control("POST", "/__release", """{"name": "$name"}""")

    suspend fun counter(name: String): Int = control("GET", "/__counters").jsonObject[name]!!.jsonPrimitive.int

    suspend fun signIn(): Credential {
        val tokens = control("POST", "/__sign_in").jsonObject
        return Credential(tokens.text("access_token"), tokens.text("refresh_token"))
    }

    suspend fun expireAll() = control("POST", "/__expire_all")

    suspend fun control(method: String, path: String, body: String? = null): JsonElement = withContext(Dispatchers.IO) {
        val publisher = body?.let { HttpRequest.BodyPublishers.ofString(it) } ?: HttpRequest.BodyPublishers.noBody()
        val request = HttpRequest.newBuilder(URI(url + path)).method(method, publisher).build()
        val answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString())
        check(answer.statusCode() < 400 || path == "/__consumed") { "$path: ${answer.statusCode()} ${answer.body()}" }
        if (answer.body().isBlank()) JsonNull else Json.parseToJsonElement(answer.body())
    }

    override fun close() {
        process.outputStream.close()
        process.waitFor()
    }

    companion object {
        private val HTTP: HttpClient =
            HttpClient.newBuilder().proxy(ProxySelector.of(null)).version(HttpClient.Version.HTTP_1_1).build()
    }
}

/** An authorization server that revokes everything when a refresh token comes twice, and its API. */
const val STRICT = """{"dialect": "oauth", "rotation": "strict_family"}"""

fun JsonObject.text(name: String): String? = get(name)?.takeIf { it !is JsonNull }?.jsonPrimitive?.content

/** A session that is signed in there. */
suspend fun TestServer.session(
    credential: Credential? = null,
    store: CredentialStore = MemoryStore(),
    clock: ManualClock? = null,
    refresh: Refresh? = null,
    transport: Transport? = null,
    onEvent: ((Event) -> Unit)? = null,
    dialect: Dialect = Dialect("oauth2"),
): Session = Session(
    dialect, url + "/oauth/token", "app", "app-secret", credential ?: signIn(), store, listOf(url),
    clock = clock, refresh = refresh, transport = transport, onEvent = onEvent,
)

/** Looks every millisecond: for what nothing tells. */
suspend fun until(what: String, look: suspend () -> Boolean) {
    // As long as it takes on a busy machine; what never comes fails a test by its name.
    val end = System.nanoTime() + 60_000_000_000
    while (!look()) {
        check(System.nanoTime() < end) { "it never came: $what" }
        withContext(Dispatchers.Default) { kotlinx.coroutines.delay(1) }
    }
}
