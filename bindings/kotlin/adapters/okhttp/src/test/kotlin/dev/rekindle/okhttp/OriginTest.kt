package dev.rekindle.okhttp

import dev.rekindle.Dialect
import dev.rekindle.testkit.STRICT
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.session
import okhttp3.Cookie
import okhttp3.CookieJar
import okhttp3.HttpUrl
import okhttp3.Request
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertNull

class OriginTest {
    private val server = TestServer(STRICT)
    private val other = TestServer(STRICT)

    @Test
    fun `another origin gets no token and is not judged`() = both {
        val client = client(session(server))
        assertEquals(401, client.status(get("${other.url}/data")))
        assertNull(other.log().single().authorization)
        assertEquals(0, server.log().size)
    }

    @Test
    fun `a credential of the caller's own is left alone and not judged`() = both {
        val request = Request.Builder().url("${server.url}/data").header("Authorization", "Basic abc").build()
        assertEquals(401, client(session(server)).status(request))
        assertEquals(listOf("Basic abc"), server.log().map { it.authorization })
        assertEquals(0, server.count("refresh_requests"))
    }

    @Test
    fun `a redirect to another origin loses the token and its 401 is not ours`() = both {
        redirect(server, other)
        val client = client(session(server, server.signIn()))
        assertEquals(401, client.status(get("${server.url}/away")))
        assertNull(other.log().single().authorization)
        assertEquals(0, server.count("refresh_requests"))
    }

    @Test
    fun `a token in a header of its own does not follow a redirect either, nor comes back`() = both {
        redirect(server, other)
        other.play("""{"match": {"path": "/landed"}, "respond": {"status": 302, "headers": {"Location": "${server.url}/back"}}}""")
        val tokens = server.signIn()
        val client = client(session(server, tokens, OWN_HEADER))
        client.status(get("${server.url}/away"))
        assertEquals(tokens.access, server.log().first().headers["x-token"])
        assertNull(other.log().single().headers["x-token"])
        assertEquals("/back", server.log().last().path)
        assertNull(server.log().last().headers["x-token"])
    }

    @Test // spec 9.2, 9.5
    fun `at a redirect to another origin the caller's own credentials stay behind, and what a cookie jar has goes along`() = both {
        redirect(server, other)
        other.play("""{"match": {"path": "/landed"}, "respond": {"status": 302, "headers": {"Location": "${server.url}/back"}}}""")
        val jar = object : CookieJar {
            override fun saveFromResponse(url: HttpUrl, cookies: List<Cookie>) = Unit

            override fun loadForRequest(url: HttpUrl): List<Cookie> =
                listOfNotNull(Cookie.parse(url, "kept=1").takeIf { url.encodedPath == "/landed" })
        }
        val request = Request.Builder().url("${server.url}/away")
            .header("X-Api-Key", "SECRET").header("Cookie", "own=1").header("X-Request-Id", "7").build()
        client(session(server, server.signIn())).newBuilder().cookieJar(jar).build().status(request)
        val seen = listOf(server.log().first(), other.log().single(), server.log().last())
        assertEquals(listOf("SECRET", null, null), seen.map { it.headers["x-api-key"] })
        assertEquals(listOf("own=1", "kept=1", null), seen.map { it.headers["cookie"] })
        assertEquals(listOf("7", "7", "7"), seen.map { it.headers["x-request-id"] })
    }

    @Test
    fun `a redirect in the same origin keeps the token and its last hop alone is replayed`() = both {
        server.play("""{"match": {"path": "/away"}, "respond": {"status": 302, "headers": {"Location": "/data"}}}""")
        assertEquals(200, client(session(server)).status(get("${server.url}/away")))
        assertEquals(listOf("/away", "/data", "/refresh", "/data"), server.log().map { it.path })
    }

    private fun redirect(from: TestServer, to: TestServer) =
        from.play("""{"match": {"path": "/away"}, "respond": {"status": 302, "headers": {"Location": "${to.url}/landed"}}}""")

    private fun both(test: () -> Unit) = server.use { other.use { test() } }

    private companion object {
        val OWN_HEADER = Dialect.toml(
            """
            name = "own-header"
            [token]
            header = "X-Token"
            scheme = ""
            """.trimIndent(),
        )
    }
}
