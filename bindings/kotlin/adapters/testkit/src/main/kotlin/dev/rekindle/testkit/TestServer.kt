package dev.rekindle.testkit

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import java.net.ProxySelector
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.nio.file.Files
import java.nio.file.Path
import java.time.Duration

/** The tokens of a sign-in. */
class Tokens(val access: String, val refresh: String)

/** A request as the server saw it. */
class Logged(val method: String, val path: String, val authorization: String?, val headers: Map<String, String>, val body: String)

/** A `rekindle-test-server` of one's own, with the model that [config] describes; see its README. */
class TestServer(config: String? = null) : AutoCloseable {
    private val process = start(config)

    /** Where it listens. */
    val url: String = Json.parseToJsonElement(process.inputStream.bufferedReader().readLine())
        .jsonObject.getValue("url").jsonPrimitive.content

    /** Signs a user in. */
    fun signIn(): Tokens = control("sign_in", "").jsonObject.let {
        Tokens(it.getValue("access_token").jsonPrimitive.content, it.getValue("refresh_token").jsonPrimitive.content)
    }

    /** A sign-in whose access token has ended. */
    fun expired(): Tokens = signIn().also { expireAll() }

    /** Ends all access tokens that there are. */
    fun expireAll() {
        control("expire_all", "")
    }

    /** Ends all sign-ins. */
    fun revokeAll() {
        control("revoke_all", "")
    }

    /** Plays a script in front of the model. */
    fun play(vararg steps: String) {
        control("script", """{"steps": [${steps.joinToString()}]}""")
    }

    /** Lets go what a script holds. */
    fun release(name: String) {
        control("release", """{"name": "$name"}""")
    }

    /** Turns the model. */
    fun knobs(json: String) {
        control("knobs", json)
    }

    /** How often something has happened. */
    fun count(what: String): Long = get("counters").jsonObject.getValue(what).jsonPrimitive.long

    /** The requests since the script began. */
    fun log(): List<Logged> = told(get("log"))

    /** The same, once so many have arrived. */
    fun logOf(requests: Int): List<Logged> = told(get("log?wait=$requests"))

    /** What a script still waited for, or did not foresee. */
    fun complaints(): List<String> = get("consumed").jsonObject["complaints"]?.jsonArray.orEmpty().map { it.jsonPrimitive.content }

    /** It ends with its input. */
    override fun close() {
        process.outputStream.close()
        process.waitFor()
    }

    private fun control(word: String, body: String) = ask("POST", word, body)

    private fun get(word: String) = ask("GET", word, null)

    private fun ask(method: String, word: String, body: String?): JsonElement {
        val publisher = body?.let(HttpRequest.BodyPublishers::ofString) ?: HttpRequest.BodyPublishers.noBody()
        val request = HttpRequest.newBuilder(URI("$url/__$word")).timeout(MOST).method(method, publisher).build()
        val answer = http.send(request, HttpResponse.BodyHandlers.ofString())
        check(answer.statusCode() in listOf(200, 204, 409)) { "$word: ${answer.body()}" }
        return if (answer.body().isEmpty()) JsonNull else Json.parseToJsonElement(answer.body())
    }

    private companion object {
        // What never comes fails a test by its name.
        val MOST: Duration = Duration.ofSeconds(60)

        val http: HttpClient = HttpClient.newBuilder().proxy(ProxySelector.of(null)).version(HttpClient.Version.HTTP_1_1).build()

        fun start(config: String?): Process {
            val program = Path.of(System.getenv("REKINDLE_TEST_SERVER") ?: System.getProperty("rekindle.test.server"))
            check(Files.isExecutable(program)) { "no test server: cargo build -p rekindle-test-server" }
            val command = listOfNotNull(program.toString(), config)
            return ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        }

        fun told(log: JsonElement): List<Logged> = log.jsonArray.map { it.jsonObject }.map { one ->
            val text = { name: String -> one.getValue(name).jsonPrimitive }
            Logged(
                text("method").content,
                text("path").content,
                one.getValue("authorization").takeIf { it !is JsonNull }?.jsonPrimitive?.content,
                one.getValue("headers").jsonArray.associate { pair(it.jsonArray) },
                text("body").content,
            )
        }

        fun pair(header: JsonArray) = header[0].jsonPrimitive.content to header[1].jsonPrimitive.content
    }
}
