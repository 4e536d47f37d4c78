package dev.rekindle.okhttp

import dev.rekindle.RekindleException
import dev.rekindle.Verdict
import dev.rekindle.testkit.STRICT
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.session
import kotlinx.coroutines.runBlocking
import okhttp3.MediaType
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okio.BufferedSink
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertIs
import kotlin.test.assertNull

class ReplayTest {
    private val server = TestServer(STRICT)

    @Test
    fun `a 401 is refreshed once and replayed with its body`() = server.use {
        val client = client(session(server))
        assertEquals(200, client.status(post("${server.url}/up", "abc".toRequestBody())))
        val log = server.log()
        assertEquals(listOf("/up", "/refresh", "/up"), log.map { it.path })
        assertEquals(listOf("abc", "abc"), log.filter { it.path == "/up" }.map { it.body })
        assertEquals(1, server.count("side_effects"))
        assertEquals(1, client.connectionPool.connectionCount(), "the first answer was not closed before the replay")
    }

    @Test
    fun `a valid token is served without a word`() = server.use {
        val client = client(session(server, server.signIn()))
        repeat(3) { assertEquals(200, client.status(get("${server.url}/data"))) }
        assertEquals(3, server.log().size)
    }

    @Test
    fun `a body of one use is sent once and never empty`() = server.use {
        val session = session(server)
        client(session).newCall(post("${server.url}/up", OneShot("abc"))).execute().use { response ->
            assertEquals(401, response.code)
            assertEquals("body_not_replayable", response.judged?.replayRefused)
            assertIs<Verdict.Expired>(response.judged?.verdict)
        }
        assertEquals(200, client(session).status(get("${server.url}/data")))
        assertEquals(listOf("abc"), server.log().filter { it.path == "/up" }.map { it.body })
        assertEquals(1, server.count("refreshes"))
    }

    @Test
    fun `a token that is turned away as soon as it was made ends in the server's answer`() = server.use {
        val client = client(session(server))
        server.play("""{"match": {"path": "/data"}, "respond": {"status": 401, "json": {"error": "token_expired"}}, "repeat": "always"}""")
        client.newCall(get("${server.url}/data")).execute().use { response ->
            assertEquals(401, response.code)
            assertEquals(Verdict.Denied, response.judged?.verdict)
            assertEquals("""{"error":"token_expired"}""", response.body.string())
        }
        assertEquals(listOf("/data", "/refresh", "/data"), server.log().map { it.path })
    }

    @Test
    fun `a refusal that no refresh helps is handed out as it is`() = server.use {
        client(session(server, server.signIn())).newCall(get("${server.url}/admin")).execute().use { response ->
            assertEquals(403, response.code)
            assertIs<Verdict.InsufficientScope>(response.judged?.verdict)
        }
        assertEquals(0, server.count("refreshes"))
    }

    @Test
    fun `a session at its end fails the call with the answer that showed it`() = server.use {
        val tokens = server.signIn()
        val client = client(session(server, tokens))
        server.revokeAll()
        val failed = assertFailsWith<RekindleIOException> { client.status(get("${server.url}/data")) }
        assertIs<RekindleException.LoginRequired>(failed.error)
        assertEquals(401, failed.response?.code)
        assertEquals("""{"error":"token_revoked"}""", failed.response?.body?.string())
    }

    @Test
    fun `an accepted answer is told to the session after one that was not`() = server.use {
        val session = session(server)
        val client = client(session)
        // More rejections than the breaker of an origin allows in a row: each is followed by an accepted answer.
        repeat(4) {
            server.expireAll()
            assertEquals(200, client.status(get("${server.url}/data")))
            assertEquals(200, client.status(get("${server.url}/data")))
        }
        assertEquals(4, server.count("refreshes"))
    }

    @Test
    fun `a cancelled call is not begun`() = server.use {
        val client = client(session(server))
        val call = client.newCall(get("${server.url}/data"))
        call.cancel()
        assertFailsWith<java.io.IOException> { call.execute() }
        assertNull(server.log().find { it.path == "/refresh" })
    }

    @Test
    fun `after a sign-out nothing is sent`() = server.use {
        val session = session(server, server.signIn())
        runBlocking { session.signOut() }
        val failed = assertFailsWith<RekindleIOException> { client(session).status(get("${server.url}/data")) }
        assertIs<RekindleException.SignedOut>(failed.error)
        assertEquals(0, server.log().size)
    }
}

private class OneShot(private val text: String) : RequestBody() {
    override fun contentType(): MediaType? = null

    override fun isOneShot(): Boolean = true

    override fun writeTo(sink: BufferedSink) {
        sink.writeUtf8(text)
    }
}
