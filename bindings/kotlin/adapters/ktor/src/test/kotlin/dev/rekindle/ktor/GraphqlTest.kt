package dev.rekindle.ktor

import dev.rekindle.Dialect
import dev.rekindle.Operation
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.session
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.request.post
import io.ktor.client.request.setBody
import io.ktor.client.statement.HttpResponse
import io.ktor.client.statement.bodyAsText
import io.ktor.http.ContentType
import io.ktor.http.content.TextContent
import kotlin.test.Test
import kotlin.test.assertEquals

class GraphqlTest {
    private val server = TestServer("""{"dialect": "graphql", "rotation": "strict_family"}""")

    @Test
    fun `an error with status 200 is refreshed and the query replayed`() = ran {
        assertEquals(200, ask("""{"query": "{ pupils { name } }"}""").status.value)
        assertEquals(listOf(1L, 1L), listOf(server.count("refreshes"), server.count("accepted")))
    }

    @Test
    fun `a mutation that was turned away as a whole is replayed once`() = ran {
        ask("""{"query": "mutation { add }"}""")
        assertEquals(listOf(1L, 1L), listOf(server.count("refreshes"), server.count("side_effects")))
    }

    @Test
    fun `a mutation with data in its answer is not replayed`() = ran {
        server.play(PARTLY)
        val response = ask("""{"query": "mutation { add remove }"}""")
        assertEquals("maybe_applied", response.judged?.replayRefused)
        assertEquals(true, "UNAUTHENTICATED" in response.bodyAsText())
        assertEquals(1, server.log().count { "remove" in it.body })
    }

    @Test
    fun `an operation that cannot be read may be told`() = ran {
        server.play(PARTLY)
        ask("""{"extensions": {"persistedQuery": {"sha256Hash": "remove"}}}""") { operation(Operation.GraphqlQuery) }
        assertEquals(2, server.log().count { "remove" in it.body })
    }

    private suspend fun ask(body: String, more: HttpRequestBuilder.() -> Unit = {}): HttpResponse =
        client(session(server, dialect = Dialect("graphql"), tokenPath = "/")).post(server.url) {
            setBody(TextContent(body, ContentType.Application.Json))
            more()
        }

    private fun ran(run: suspend () -> Unit) = server.use { test { run() } }

    private companion object {
        const val PARTLY = """{"match": {"body_contains": "remove"}, "respond": {"json":
            {"data": {"add": true}, "errors": [{"message": "no", "extensions": {"code": "UNAUTHENTICATED"}}]}}}"""
    }
}
