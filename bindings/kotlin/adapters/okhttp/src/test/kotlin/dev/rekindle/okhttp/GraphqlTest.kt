package dev.rekindle.okhttp

import dev.rekindle.Dialect
import dev.rekindle.Operation
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.session
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.RequestBody.Companion.toRequestBody
import kotlin.test.Test
import kotlin.test.assertEquals

class GraphqlTest {
    private val server = TestServer("""{"dialect": "graphql", "rotation": "strict_family"}""")

    @Test
    fun `an error with status 200 is refreshed and the query replayed`() = server.use {
        assertEquals(200, client().status(ask("{ pupils { name } }")))
        assertEquals(listOf(1L, 1L), listOf(server.count("refreshes"), server.count("accepted")))
    }

    @Test
    fun `a mutation that was turned away as a whole is replayed once`() = server.use {
        assertEquals(200, client().status(ask("mutation { add }")))
        assertEquals(listOf(1L, 1L), listOf(server.count("refreshes"), server.count("side_effects")))
    }

    @Test
    fun `a mutation with data in its answer is not replayed`() = server.use {
        server.play(PARTLY)
        client().newCall(ask("mutation { add remove }")).execute().use { response ->
            assertEquals("maybe_applied", response.judged?.replayRefused)
        }
        assertEquals(1, server.log().count { "remove" in it.body })
    }

    @Test
    fun `a tag says what cannot be read`() = server.use {
        server.play(PARTLY)
        val hashed = """{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "remove"}}}"""
        val request = ask(hashed, raw = true).newBuilder().tag(Operation::class.java, Operation.GraphqlQuery).build()
        client().newCall(request).execute().use { it.body.string() }
        assertEquals(2, server.log().count { "remove" in it.body })
    }

    private fun client() = client(session(server, dialect = Dialect("graphql"), tokenPath = "/"))

    private fun ask(query: String, raw: Boolean = false) =
        post(server.url, (if (raw) query else """{"query": "$query"}""").toRequestBody("application/json".toMediaType()))

    private companion object {
        const val PARTLY = """{"match": {"body_contains": "remove"}, "respond": {"json":
            {"data": {"add": true}, "errors": [{"message": "no", "extensions": {"code": "UNAUTHENTICATED"}}]}}}"""
    }
}
