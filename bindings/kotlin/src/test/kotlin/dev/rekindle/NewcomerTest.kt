package dev.rekindle

import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir
import java.net.ProxySelector
import java.net.URI
import java.net.URLDecoder
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.attribute.PosixFilePermissions
import java.time.Instant
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/** From nothing to an answered request. */
@Timeout(300)
class NewcomerTest {
    @Test // spec 12.9
    fun `from a client id to an answer in two lines`(@TempDir folder: Path) = runBlocking<Unit> {
        TestServer().use { server ->
            val issuer = server.url
            server.script(metadata(server), TOKENS, DATA)
            val store = FileStore(folder.resolve("session.json"))
            val session = signIn(issuer, clientId = "app", store = store, origins = listOf(server.url), open = ::visit)
            assertEquals("hello", Client(session, baseUrl = server.url).get("/data").text())
            session.shutdown()
            // The second time nobody is asked.
            server.script(metadata(server), DATA)
            val again = signIn(issuer, clientId = "app", store = store, open = { error("nobody is asked") })
            assertEquals("hello", Client(again, baseUrl = server.url).get("/data").text())
        }
    }

    @Test // spec 12.16
    fun `an API that says who signs its users in needs one line`(@TempDir folder: Path) = runBlocking<Unit> {
        TestServer().use { server ->
            val api = "${server.url}/mcp"
            val steps = arrayOf(
                """{"match": {"path": "/mcp", "token": ""}, "respond": {"status": 401, "headers":
                    {"WWW-Authenticate": "Bearer resource_metadata=\"${server.url}/.well-known/api\""}}}""",
                """{"match": {"path": "/.well-known/api"}, "respond": {"json": {"resource": "$api",
                    "authorization_servers": ["${server.url}"], "scopes_supported": ["read", "write"]}}}""",
                metadata(server),
                """{"match": {"path": "/register"}, "respond": {"status": 201, "json":
                    {"client_id": "c-1", "client_secret": "sentinel", "token_endpoint_auth_method": "client_secret_post"}}}""",
                TOKENS,
                """{"match": {"path": "/mcp", "token": "AT-1"}, "respond": {"text": "hello"}}""",
            )
            server.script(*steps)
            // The folder is made, too.
            val store = FileStore(folder.resolve("new/mcp.json"))
            val http = HttpSettings(userAgent = "tool/1")
            val session = signInTo(api, name = "My tool", store = store, http = http, open = ::visit)
            assertEquals("hello", Client(session, baseUrl = server.url).get("/mcp").text())
            session.shutdown()
            val log = server.log().map { it.jsonObject }
            assertTrue("\"client_name\":\"My tool\"" in log.single { it.text("path") == "/register" }.text("body")!!)
            val grant = log.single { it.text("path") == "/token" }.text("body")!!
            assertTrue("resource=" in grant && "client_id=c-1" in grant && "client_secret=sentinel" in grant, grant)
            // All of it went the application's way.
            val agents = log.flatMap { one -> one.getValue("headers").jsonArray.map { it.jsonArray.map { part -> part.jsonPrimitive.content } } }
                .filter { it[0] == "user-agent" }.map { it[1] }
            assertEquals(setOf("tool/1"), agents.toSet())
            // The second time nothing is asked for, and nobody is registered anew.
            val kept = folder.resolve("new/mcp.json.client")
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(kept)))
            server.script("""{"match": {"path": "/mcp", "token": "AT-1"}, "respond": {"text": "hello"}}""")
            val again = signInTo(api, name = "My tool", store = store, open = { error("nobody is asked") })
            assertEquals("hello", Client(again, baseUrl = server.url).get("/mcp").text())
            assertEquals(1, server.log().size)
        }
    }

    @Test
    fun `a registration is not written over another program's file`(@TempDir folder: Path) = runBlocking<Unit> {
        val other = Files.writeString(folder.resolve("notes"), "mine")
        val refused = assertFailsWith<RekindleException.InvalidConfig> {
            signInTo("http://127.0.0.1:1/mcp", name = "My tool", keptAt = other)
        }
        assertEquals("keptAt", refused.argument)
        assertEquals("mine", Files.readString(other))
    }

    @Test // spec 5.4
    fun `when the refresh token ends is given, kept and told`() = runBlocking<Unit> {
        val end = Instant.ofEpochSecond(4_102_444_800)
        val credential = Credential("AT-1", "RT-1", refreshTokenExpiresAt = end)
        val session = Session(tokenUrl = "https://auth.example.com/token", clientId = "app", credential = credential)
        assertEquals(end, session.freshStatus().refreshTokenExpiresAt)
        session.signIn(Credential("AT-2", "RT-2"))
        assertEquals(null, session.status().refreshTokenExpiresAt)
    }

    @Test // spec 10.2
    fun `the counters of all sessions are one text`() = runBlocking<Unit> {
        val session = Session(tokenUrl = "https://auth.example.com/token", clientId = "app", credential = Credential("AT-1", "RT-1"))
        session.token()
        val app = App(Dialect("google"), clientId = "app")
        val text = metricsText(mapOf("billing" to session), mapOf("crm" to app), labels = mapOf("zone" to "a\"b"))
        assertTrue("\nrekindle_sign_ins_total{app=\"billing\",dialect=\"oauth2\",zone=\"a\\\"b\"} 1\n" in text, text)
        assertTrue("\nrekindle_refresh_outcomes_total{app=\"crm\",dialect=\"google\",zone=\"a\\\"b\",outcome=\"granted\"} 0\n" in text, text)
        val refused = assertFailsWith<RekindleException.InvalidConfig> { metricsText(mapOf("a" to session), labels = mapOf("app" to "b")) }
        assertEquals("labels", refused.argument)
    }

    @Test // spec 8.1
    fun `the statuses after which a request is sent again are the client's to say`() = runBlocking<Unit> {
        TestServer().use { server ->
            val session = Session(tokenUrl = "${server.url}/token", clientId = "app", credential = Credential("AT-1", "RT-1"))
            val failing = """{"match": {"path": "/data"}, "respond": {"status": 500}}"""
            server.script(failing, DATA)
            assertEquals(200, Client(session, server.url, retryStatuses = setOf(500)).get("/data").status)
            server.script(failing, DATA)
            assertEquals(500, Client(session, server.url).get("/data").status)
            server.script("""{"match": {"path": "/data"}, "respond": {"status": 503}}""", DATA)
            assertEquals(503, Client(session, server.url, retryStatuses = emptySet()).get("/data").status)
            for (wrong in listOf(200, 7, -1, 70_000)) {
                val refused = assertFailsWith<RekindleException.InvalidConfig> { Client(session, server.url, retryStatuses = setOf(wrong)) }
                assertEquals("retryStatuses", refused.argument)
            }
        }
    }

    private fun metadata(server: TestServer) =
        """{"match": {"path": "/.well-known/oauth-authorization-server"}, "respond": {"json": {"issuer": "${server.url}",
            "authorization_endpoint": "${server.url}/authorize", "token_endpoint": "${server.url}/token",
            "registration_endpoint": "${server.url}/register"}}}"""

    /** The browser comes back, in its own time. */
    private fun visit(address: String) {
        val asked = URI(address).rawQuery.split('&').associate {
            val (name, value) = it.split('=', limit = 2)
            name to URLDecoder.decode(value, Charsets.UTF_8)
        }
        val back = URI("${asked["redirect_uri"]}?code=c-1&state=${asked["state"]}")
        HTTP.sendAsync(HttpRequest.newBuilder(back).build(), HttpResponse.BodyHandlers.discarding())
    }

    private companion object {
        const val TOKENS = """{"match": {"path": "/token"}, "respond": {"json":
            {"access_token": "AT-1", "refresh_token": "RT-1", "expires_in": 900}}}"""
        const val DATA = """{"match": {"path": "/data"}, "respond": {"text": "hello"}}"""
        val HTTP: HttpClient =
            HttpClient.newBuilder().proxy(ProxySelector.of(null)).version(HttpClient.Version.HTTP_1_1).build()
    }
}
