package dev.rekindle

import kotlinx.coroutines.test.runTest
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertTrue

/** A request of no HTTP client. */
internal class OwnRequest(
    override val url: String,
    override val method: String = "GET",
    private val headers: List<Header> = emptyList(),
    private val body: Content = Content.None,
) : CallRequest {
    override fun headers(): List<Header> = headers

    override fun content(): Content = body
}

/** A response to it. */
internal class OwnResponse(override val status: Int, private val text: String = "", private val type: String? = null) : CallResponse {
    /** How much of it was asked for. */
    var peeked = 0L

    override fun headers(): List<Header> = listOfNotNull(type?.let { Header("Content-Type", it) })

    override suspend fun peek(limit: Long): ByteArray {
        peeked = limit
        return text.encodeToByteArray().let { it.copyOf(minOf(it.size, limit.toInt())) }
    }
}

class CallTest {
    private val server = TestServer(STRICT)

    @Test // spec 3.1
    fun `what was rejected is sent again with new headers`() = ran {
        val session = server.session()
        val call = session.call(OwnRequest("${server.url}/data"))
        val first = call.headers()
        assertTrue(first.stayAtRedirects)
        val again = assertIs<Next.SendAgain>(call.answered(OwnResponse(401)))
        assertTrue(again.added.headers.single().value != first.headers.single().value)
        assertEquals(Judged(Verdict.Accepted, null), assertIs<Next.Keep>(call.answered(OwnResponse(200))).judged)
        assertEquals(1, session.stats().getValue("replays"))
    }

    @Test // spec 3.2
    fun `a call that had to wait knows the token that it goes out with`() = ran {
        val session = server.session()
        session.token()
        session.invalidate()
        val call = session.call(OwnRequest("${server.url}/data"))
        assertEquals(null, call.headersAtOnce())
        session.token()
        call.headers()
        val next = call.answered(OwnResponse(401))
        assertTrue(next is Next.SendAgain || (next as Next.Keep).judged?.verdict != Verdict.Accepted)
    }

    @Test // spec 3.6
    fun `the first response that an origin accepts is reported, and then no more is asked`() = ran {
        val session = server.session()
        session.token()
        val calls = List(2) { session.call(OwnRequest("${server.url}/data")).also { it.headersAtOnce() } }
        assertEquals(null, calls[0].answeredAtOnce(OwnResponse(200)))
        calls[0].answered(OwnResponse(200))
        val later = session.call(OwnRequest("${server.url}/data")).also { it.headersAtOnce() }
        assertIs<Next.Keep>(later.answeredAtOnce(OwnResponse(200)))
        assertEquals(null, later.answeredAtOnce(OwnResponse(401)))
    }

    @Test // spec 2.6
    fun `a body is read as far as its dialect asks`() = ran {
        val session = server.session(dialect = Dialect("graphql"))
        val call = session.call(OwnRequest("${server.url}/graphql", "POST", body = Content.Replayable)).also { it.headers() }
        val peeked = listOf("image/png" to "", "text/plain" to "no JSON", "text/plain" to "{}", "application/json" to "{}").map { (type, text) ->
            OwnResponse(200, text, type).also { call.answered(it) }.peeked
        }
        assertEquals(listOf(0L, 64L, 8L * 1024 * 1024, 8L * 1024 * 1024), peeked)
    }

    @Test // spec 2.2, 9.1, 9.2
    fun `what carries a credential, is for elsewhere or has left its origin goes without the token`() = ran {
        val session = server.session()
        session.token()
        val own = session.call(OwnRequest("${server.url}/data", headers = listOf(Header("AUTHORIZATION", "mine"))))
        assertTrue(own.headers().headers.isEmpty() && own.isUnsigned && !own.hasLeft)
        assertEquals(null, assertIs<Next.Keep>(own.answered(OwnResponse(401))).judged)
        val other = session.call(OwnRequest("https://elsewhere.test/"))
        assertTrue(other.headers().headers.isEmpty() && other.isUnsigned)
        val call = session.call(OwnRequest("${server.url}/data"))
        val token = call.headers().headers.single().value
        assertEquals(token, call.redirected(OwnRequest("${server.url}/moved")).headers.single().value)
        assertFalse(call.hasLeft)
        listOf("https://elsewhere.test/", "${server.url}/back").forEach {
            assertTrue(call.redirected(OwnRequest(it)).headers.isEmpty() && call.hasLeft, it)
        }
        assertTrue(Call.mayTravel("Accept") && !Call.mayTravel("X-Api-Key"))
    }

    @Test // spec 3.5
    fun `the error carries its response`() = ran {
        val session = server.session()
        val call = session.call(OwnRequest("${server.url}/data")).also { it.headers() }
        server.script("""{"match": {"path": "/oauth/token"}, "respond": {"status": 400, "json": {"error": "invalid_grant"}}}""")
        val failed = assertFailsWith<RekindleException.LoginRequired> { call.answered(OwnResponse(401, "why")) }
        assertEquals(listOf<Any?>(401, "why"), listOf(failed.response?.status, failed.response?.text()))
    }

    @Test
    fun `a request whose URL is none is a mistake`() = ran {
        assertFailsWith<RekindleException.InvalidConfig> { server.session().call(OwnRequest("no url")).headers() }
    }

    private fun ran(run: suspend () -> Unit) = runTest { server.use { run() } }
}
