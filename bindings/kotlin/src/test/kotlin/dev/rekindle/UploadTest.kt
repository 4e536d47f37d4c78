package dev.rekindle

import kotlinx.coroutines.flow.asFlow
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import kotlin.test.Test
import kotlin.test.assertEquals

/** 20 MB, turned away while they still come: they arrive whole at the second send, or are not sent again (spec 11.1). */
@Timeout(300)
class UploadTest {
    private val content = ByteArray(20 * 1024 * 1024) { (it % 251).toByte() }
    private val wanted = """{"content_length":true,"fnv":"${fnv(content)}","length":${content.size}}"""
    private val chunked = wanted.replace("true", "false")

    @Test
    fun `bytes arrive whole`() = uploaded(wanted) { Body.bytes(content) }

    @Test
    fun `what is collected anew arrives whole`() = uploaded(chunked) { Body.repeatable { pieces().asFlow() } }

    @Test
    fun `what is collected anew and says how long it is goes with its length`() =
        uploaded(wanted) { Body.repeatable(content.size.toLong()) { pieces().asFlow() } }

    @Test
    fun `a file in a form arrives whole`(@TempDir folder: Path) = runBlocking {
        val file = Files.write(folder.resolve("up"), content)
        sent { Body.multipart(Part("up", file, fileName = "up")) }.let { response ->
            assertEquals(200, response.status)
            // The form around it is longer by its borders alone.
            val length = Regex("\"length\":(\\d+)").find(response.text())!!.groupValues[1].toInt()
            assertEquals(true, length - content.size in 1..1024, "$length")
        }
    }

    @Test
    fun `what comes once is not sent again, and its answer says why`() = runBlocking {
        val response = sent { Body.once(pieces().asFlow()) }
        assertEquals(401, response.status)
        assertEquals("body_not_replayable", response.replayRefused)
    }

    private fun pieces(): List<ByteArray> =
        (content.indices step PIECE).map { content.copyOfRange(it, minOf(it + PIECE, content.size)) }

    private fun uploaded(told: String, body: () -> Body) = runBlocking {
        // A connection whose first upload is still being drained is used again, or not: both must do.
        repeat(3) {
            val response = sent(body)
            assertEquals(told to 200, response.text() to response.status)
        }
    }

    private suspend fun sent(body: () -> Body): Response = TestServer().use { server ->
        server.script("""{"match": {"path": "/token"}, "respond": {"json": {"access_token": "AT-2", "expires_in": 900}}}""")
        val session = Session(
            tokenUrl = "${server.url}/token", clientId = "app", credential = Credential("AT-1", "RT-1"),
        )
        Client(session, server.url).put("/__upload?token=AT-2", body())
    }

    private companion object {
        const val PIECE = 64 * 1024
    }
}

/** As the test server counts it. */
internal fun fnv(bytes: ByteArray): String {
    val sum = bytes.fold(-0x340d631b7bdddcdbL) { sum, byte -> (sum xor (byte.toLong() and 0xff)) * 0x100000001b3L }
    return "%016x".format(sum)
}
