package dev.rekindle

import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.test.runTest
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.seconds

/** A hundred thousand zeros. */
private const val ZEROS = "H4sIAAAAAAACA+3BMQEAAADCoErrn84aHkABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAArwaFwk3FoIYBAA=="

/** What goes wrong at servers, as it is seen from here. */
class FaultsTest {
    @Test // spec 11.4
    fun `a body that unpacks to more than the limit is an error that says so, and a stream has none`() = runTest {
        TestServer(STRICT).use { server ->
            val bomb = """{"match": {"path": "/bomb"}, "respond": {"status": 200, "headers": {"Content-Encoding": "gzip"}, "bytes": "$ZEROS"},
                "repeat": 3}"""
            server.script(bomb)
            val client = Client(server.session(), server.url, maxBodyBytes = 10_000)
            val refused = assertFailsWith<RekindleException.InvalidResponse> { client.get("/bomb") }
            assertTrue("10000" in refused.message!!.replace(",", "") && "maxBodyBytes" in refused.message!!, refused.message)
            assertEquals(100_000, client.stream("GET", "/bomb") { it.chunks().toList().sumOf(ByteArray::size) })
            assertEquals(100_000, Client(server.session(), server.url).get("/bomb").bytes().size)
        }
    }

    @Test // spec 11.6
    fun `a path does not climb out of the base URL`() = runTest {
        TestServer(STRICT).use { server ->
            val client = Client(server.session(), "${server.url}/api/")
            for (path in listOf("../admin", "%2e%2e/admin", "a/../../admin")) {
                assertFailsWith<RekindleException.InvalidConfig>(path) { client.get(path) }
            }
            assertEquals(0, server.log().size)
        }
    }

    @Test // spec 1.9
    fun `a lifetime counts from the moment at which it was given`() = runTest {
        TestServer(STRICT).use { server ->
            val clock = ManualClock()
            val tokens = server.signIn()
            val session = server.session(Credential(tokens.accessToken, tokens.refreshToken, expiresIn = 2.seconds), clock = clock)
            clock.advance(3.seconds)
            assertEquals(2, session.token().generation)
            assertEquals(1, server.counter("refreshes"))
        }
    }

    @Test // spec 2.7
    fun `the codes of GraphQL errors are whole, and what looks like a token is not shown`() = runTest {
        TestServer(STRICT).use { server ->
            val tokens = server.signIn()
            val client = Client(server.session(tokens), server.url)
            val errors = """[{"message": "no ${tokens.accessToken}", "extensions": {"code": "validation-failed"}}]"""
            server.script("""{"match": {"path": "/graphql"}, "respond": {"json": {"errors": $errors}}}""")
            val error = assertFailsWith<RekindleException.GraphQL> { client.graphql("{ a }") }
            assertEquals(listOf<String?>("validation-failed"), error.graphqlErrors.map { it.code })
            assertTrue(tokens.accessToken!! !in "$error ${error.graphqlErrors}")
        }
    }

    @Test // spec 10.3
    fun `what the server said is said, whole, also during the pause after it`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            session.token()
            val said = """{"match": {"path": "/oauth/token"}, "respond": {"status": 503, "text": "<html>busy</html>"}, "repeat": "always"}"""
            server.script(said)
            val messages = List(2) { assertFailsWith<RekindleException.RefreshFailed> { session.refresh() } }
            for (error in messages) assertTrue("an HTML page" in error.message!!, error.message)
            assertEquals(listOf<Int?>(503, 503), messages.map { it.status })
        }
    }
}
