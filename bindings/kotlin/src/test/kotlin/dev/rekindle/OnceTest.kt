package dev.rekindle

import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.flowOf
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.test.runTest
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/** What can be read once is an error the second time, never an empty body (spec 3.5). */
class OnceTest {
    private val server = TestServer(STRICT)

    @Test
    fun `a stream is read once`() = ran { client ->
        client.stream("GET", "/data") { response ->
            assertTrue(response.chunks().toList().isNotEmpty())
            assertFailsWith<RekindleException.Misuse> { response.chunks().toList() }
            assertFailsWith<RekindleException.Misuse> { response.bytes() }
        }
    }

    @Test
    fun `a part is not taken for the whole`() = ran { client ->
        client.stream("GET", "/data") { response ->
            response.chunks().first()
            assertFailsWith<RekindleException.Misuse> { response.bytes() }
        }
    }

    @Test
    fun `a stream that was given up is not empty`() = ran { client ->
        val response = client.stream("GET", "/data") { it }
        assertFailsWith<RekindleException.Misuse> { response.chunks().toList() }
        assertFailsWith<RekindleException.Misuse> { response.text() }
    }

    @Test
    fun `a body that was read whole stays`() = ran { client ->
        val response = client.get("/data")
        response.close()
        assertContentEquals(response.bytes(), response.chunks().toList().single())
    }

    @Test
    fun `a body that was sent is not sent empty`() = ran { client ->
        val body = Body.once(flowOf("all of it".encodeToByteArray()))
        assertEquals(200, client.post("/data", body).status)
        assertFailsWith<RekindleException.Misuse> { client.post("/data", body) }
        assertEquals(1, server.count("/data"))
    }

    @Test
    fun `a transport's stream is not the body of a second answer`() = ran { _ ->
        val source = object : BodySource {
            private var left = listOf("all of it".encodeToByteArray())

            override suspend fun next(): ByteArray? = left.firstOrNull().also { left = left.drop(1) }
        }
        val body = ResponseBody.Stream(source)
        val session = server.session().also { it.token() }
        val client = Client(session, server.url, maxSends = 1, transport = { TransportResponse(200, body = body) })
        assertEquals("all of it", client.get("/data").text())
        assertFailsWith<RekindleException.Connection> { client.get("/data") }
    }

    private fun ran(run: suspend (Client) -> Unit) = runTest {
        server.use { run(Client(server.session(), server.url)) }
    }
}
