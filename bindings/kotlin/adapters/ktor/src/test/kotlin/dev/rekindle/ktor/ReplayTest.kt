package dev.rekindle.ktor

import dev.rekindle.RekindleException
import dev.rekindle.Verdict
import dev.rekindle.testkit.STRICT
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.session
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.plugins.ClientRequestException
import io.ktor.client.request.get
import io.ktor.client.request.header
import io.ktor.client.request.post
import io.ktor.client.request.preparePost
import io.ktor.client.request.setBody
import io.ktor.client.statement.bodyAsText
import io.ktor.http.content.OutgoingContent
import io.ktor.utils.io.ByteReadChannel
import io.ktor.utils.io.ByteWriteChannel
import io.ktor.utils.io.writeStringUtf8
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertIs
import kotlin.test.assertNull
import kotlin.test.assertTrue

class ReplayTest {
    private val server = TestServer(STRICT)
    private val other = TestServer(STRICT)

    @Test
    fun `a 401 is refreshed once and replayed with its body`() = both {
        assertEquals(200, client(session(server)).post("${server.url}/up") { setBody("abc") }.status.value)
        val log = server.log()
        assertEquals(listOf("/up", "/refresh", "/up"), log.map { it.path })
        assertEquals(listOf("abc", "abc"), log.filter { it.path == "/up" }.map { it.body })
        assertEquals(1, server.count("side_effects"))
    }

    @Test
    fun `a streamed call is replayed as well`() = both {
        val text = client(session(server)).preparePost("${server.url}/up") { setBody("abc") }.execute { it.bodyAsText() }
        assertTrue("\"ok\":true" in text, text)
    }

    @Test
    fun `a body that may be a stream is sent once and never empty`() = both {
        val client = client(session(server))
        val response = client.post("${server.url}/up") { setBody(ByteReadChannel("abc")) }
        assertEquals(401, response.status.value)
        assertEquals("body_not_replayable", response.judged?.replayRefused)
        assertEquals("""{"error":"token_expired"}""", response.bodyAsText())
        assertEquals(200, client.get("${server.url}/data").status.value)
        assertEquals(listOf("abc"), server.log().filter { it.path == "/up" }.map { it.body })
        assertEquals(1, server.count("refreshes"))
    }

    @Test
    fun `a body that is made anew may be replayed if its maker says so`() = both {
        val made = object : OutgoingContent.WriteChannelContent() {
            override suspend fun writeTo(channel: ByteWriteChannel) = channel.writeStringUtf8("abc")
        }
        val response = client(session(server)).post("${server.url}/up") {
            setBody(made)
            replayable()
        }
        assertEquals(200, response.status.value)
        assertEquals(listOf("abc", "abc"), server.log().filter { it.path == "/up" }.map { it.body })
    }

    @Test
    fun `a token that is turned away as soon as it was made ends in the server's answer`() = both {
        server.play("""{"match": {"path": "/data"}, "respond": {"status": 401, "json": {"error": "token_expired"}}, "repeat": "always"}""")
        val response = client(session(server)).get("${server.url}/data")
        assertEquals(401, response.status.value)
        assertEquals(Verdict.Denied, response.judged?.verdict)
        assertEquals(listOf("/data", "/refresh", "/data"), server.log().map { it.path })
    }

    @Test
    fun `validation sees the last answer alone`() = both {
        val kept = session(server)
        val client = HttpClient(CIO) {
            expectSuccess = true
            install(Rekindle) { session = kept }
        }
        assertEquals(200, client.get("${server.url}/data").status.value)
        assertFailsWith<ClientRequestException> { client.get("${server.url}/admin") }
    }

    @Test
    fun `a session at its end fails the call with the answer that showed it`() = both {
        val client = client(session(server, server.signIn()))
        server.revokeAll()
        val failed = assertFailsWith<RekindleException.LoginRequired> { client.get("${server.url}/data") }
        assertEquals(401, failed.rejected?.status?.value)
        assertEquals("""{"error":"token_revoked"}""", failed.rejected?.bodyAsText())
        // Before a request there is none.
        assertNull(assertFailsWith<RekindleException.LoginRequired> { client.get("${server.url}/data") }.rejected)
    }

    @Test
    fun `an accepted answer is told to the session after one that was not`() = both {
        val client = client(session(server))
        repeat(4) {
            server.expireAll()
            repeat(2) { assertEquals(200, client.get("${server.url}/data").status.value) }
        }
        assertEquals(4, server.count("refreshes"))
    }

    @Test
    fun `another origin gets no token and is not judged`() = both {
        assertEquals(401, client(session(server)).get("${other.url}/data").status.value)
        assertNull(other.log().single().authorization)
        assertEquals(0, server.log().size)
    }

    @Test
    fun `a credential of the caller's own is left alone and not judged`() = both {
        client(session(server)).get("${server.url}/data") { header("Authorization", "Basic abc") }
        assertEquals(listOf("Basic abc"), server.log().map { it.authorization })
    }

    @Test
    fun `a redirect to another origin loses the token and does not get it back`() = both {
        server.play("""{"match": {"path": "/away"}, "respond": {"status": 302, "headers": {"Location": "${other.url}/landed"}}}""")
        other.play("""{"match": {"path": "/landed"}, "respond": {"status": 302, "headers": {"Location": "${server.url}/back"}}}""")
        assertEquals(401, client(session(server, server.signIn())).get("${server.url}/away").status.value)
        assertNull(other.log().single().authorization)
        assertEquals(listOf("/away", "/back"), server.log().map { it.path })
        assertNull(server.log().last().authorization)
    }

    @Test // spec 9.2, 9.5
    fun `at a redirect to another origin the caller's own credentials stay behind, for good`() = both {
        server.play("""{"match": {"path": "/away"}, "respond": {"status": 302, "headers": {"Location": "${other.url}/landed"}}}""")
        other.play("""{"match": {"path": "/landed"}, "respond": {"status": 302, "headers": {"Location": "${server.url}/back"}}}""")
        client(session(server, server.signIn())).get("${server.url}/away") {
            header("X-Api-Key", "SECRET")
            header("X-Request-Id", "7")
        }
        val seen = listOf(server.log().first(), other.log().single(), server.log().last())
        assertEquals(listOf("SECRET", null, null), seen.map { it.headers["x-api-key"] })
        assertEquals(listOf("7", "7", "7"), seen.map { it.headers["x-request-id"] })
    }

    @Test
    fun `a redirect in the same origin keeps the token and its last hop alone is replayed`() = both {
        server.play("""{"match": {"path": "/away"}, "respond": {"status": 302, "headers": {"Location": "/data"}}}""")
        assertEquals(200, client(session(server)).get("${server.url}/away").status.value)
        assertEquals(listOf("/away", "/data", "/refresh", "/data"), server.log().map { it.path })
    }

    @Test
    fun `a client without a session is refused`() = both {
        val refused = assertFailsWith<RekindleException.InvalidConfig> { HttpClient(CIO) { install(Rekindle) } }
        assertIs<String>(refused.message?.takeIf { "session" in it })
    }

    private fun both(run: suspend () -> Unit) = server.use { other.use { test { run() } } }
}
