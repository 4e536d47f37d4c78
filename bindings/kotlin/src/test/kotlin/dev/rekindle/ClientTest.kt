package dev.rekindle

import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.flowOf
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.runTest
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonObject
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds

class ClientTest {
    @Test
    fun `a 401 is answered with one refresh and a replay`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            val client = Client(session, server.url)
            assertEquals(200, client.get("/data").status)
            server.expireAll()
            val response = client.get("/data").throwForStatus()
            assertEquals(Verdict.Accepted, response.verdict)
            assertEquals(1, server.counter("refreshes"))
            assertEquals(1L, session.stats()["replays"])
        }
    }

    @Test
    fun `bodies arrive as they were given`() = runTest {
        TestServer(STRICT).use { server ->
            val client = Client(server.session(), server.url, headers = mapOf("x-app" to "1"))
            val ok = """{"match": {"path": "/in"}, "respond": {"status": 200}, "repeat": 5}"""
            server.script(ok)
            client.post("/in", Body.json("""{"b": 1, "a": 2}"""))
            client.post("/in", Body.form("a b" to "ü&"))
            client.post("/in", Body.once(flowOf("one ".encodeToByteArray(), "two".encodeToByteArray())))
            client.post("/in", Body.repeatable { flowOf("again".encodeToByteArray()) })
            client.request("REPORT", "/in", query = mapOf("q" to "x y"), headers = mapOf("x-one" to "2"))
            val log = server.log().map { it.jsonObject }
            assertEquals(listOf("""{"b": 1, "a": 2}""", "a+b=%C3%BC%26", "one two", "again", ""), log.map { it.text("body") })
            assertEquals("REPORT", log[4].text("method"))
            assertEquals("/in?q=x+y", log[4].text("target"))
        }
    }

    @Test
    fun `a status is an error where it is asked for, with its response`() = runTest {
        TestServer(STRICT).use { server ->
            val client = Client(server.session(), server.url)
            server.script("""{"match": {"path": "/none"}, "respond": {"status": 404, "text": "nothing here"}}""")
            val response = client.get("/none")
            val error = assertFailsWith<RekindleException.HttpStatus> { response.throwForStatus() }
            assertEquals(404, error.status)
            assertEquals("nothing here", assertNotNull(error.response).text())
            assertEquals("nothing here", response.text())
        }
    }

    @Test
    fun `a body that does not decode is told without its content`() = runTest {
        TestServer(STRICT).use { server ->
            val client = Client(server.session(), server.url)
            server.script("""{"match": {"path": "/text"}, "respond": {"status": 200, "text": "SECRET text"}}""")
            val error = assertFailsWith<RekindleException.InvalidResponse> {
                client.get("/text").decode { Json.parseToJsonElement(it).jsonObject }
            }
            assertFalse("SECRET" in error.stackTraceToString())
            assertEquals("SECRET text", assertNotNull(error.response).text())
        }
    }

    @Test
    fun `a stream comes in pieces, and a second read of it is a misuse`() = runTest {
        TestServer(STRICT).use { server ->
            val client = Client(server.session(), server.url)
            val slow = """{"match": {"path": "/slow"}, "respond": {"status": 200, "text": "abc"},
                "fault": {"slow": {"chunk_bytes": 1, "delay_ms": 20}}}"""
            server.script(slow)
            val response = client.stream("GET", "/slow") { response ->
                assertEquals("abc", response.chunks().toList().joinToString("") { String(it) })
                response
            }
            assertFailsWith<RekindleException.Misuse> { response.bytes() }
        }
    }

    @Test
    fun `a cancelled request is given up, and its timeout is a kind of its own`() = runTest {
        TestServer(STRICT).use { server ->
            val client = Client(server.session(), server.url)
            server.script("""{"match": {"path": "/held"}, "respond": {"status": 200}, "hold": "held", "repeat": 2}""")
            val caller = launch(start = CoroutineStart.UNDISPATCHED) { client.get("/held") }
            server.log(wait = 1)
            caller.cancelAndJoin()
            val error = assertFailsWith<RekindleException.Timeout> { client.get("/held", timeout = 50.milliseconds) }
            assertTrue(error.isRetryable)
            server.release("held")
        }
    }

    @Test
    fun `GraphQL gives data, and its errors by their codes`() = runTest {
        TestServer("""{"dialect": "graphql"}""").use { server ->
            val session = Session(Dialect("graphql"), server.url, credential = server.signIn())
            val client = Client(session, server.url, graphqlPath = "/")
            val steps = arrayOf(
                """{"match": {"path": "/"}, "respond": {"status": 200, "json": {"data": {"b": 1, "a": null}}}}""",
                """{"match": {"path": "/"}, "respond": {"status": 200, "json":
                    {"errors": [{"message": "no such pupil", "path": ["pupil", 7], "extensions": {"code": "NOT_FOUND"}}]}}}""",
            )
            server.script(*steps)
            assertEquals("""{"a":null,"b":1}""".length, client.graphql("{ b a }").filterNot { it == ' ' }.length)
            val error = assertFailsWith<RekindleException.GraphQL> { client.graphql("{ pupil }", """{"id": 7}""") }
            assertEquals(listOf(GraphqlError("no such pupil", "NOT_FOUND", "pupil.7")), error.graphqlErrors)
            val wrong = assertFailsWith<RekindleException.InvalidConfig> { client.graphql("{ a }", "no JSON") }
            assertTrue("variables" in wrong.message!!)
        }
    }

    @Test
    fun `a closed client is a misuse, and its session goes on`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            val client = Client(session, server.url)
            client.close()
            assertFailsWith<RekindleException.Misuse> { client.get("/data") }
            assertEquals(1, session.token().generation)
        }
    }

    @Test
    fun `an adapter for a session that lists no origin is a mistake`() = runTest {
        val session = Session(tokenUrl = "https://auth.test/token", credential = Credential("AT", "RT"))
        val failed = assertFailsWith<RekindleException.InvalidConfig> { session.requireOrigins() }
        assertTrue("`origins`" in failed.message.orEmpty(), failed.message)
        assertFailsWith<RekindleException.InvalidConfig> { session.call(OwnRequest("https://api.test/data")).headers() }
    }
}
