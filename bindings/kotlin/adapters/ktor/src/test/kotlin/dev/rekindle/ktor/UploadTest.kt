package dev.rekindle.ktor

import dev.rekindle.Credential
import dev.rekindle.RekindleException
import dev.rekindle.Session
import dev.rekindle.testkit.TestServer
import io.ktor.client.HttpClient
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.request.get
import io.ktor.client.request.put
import io.ktor.client.request.setBody
import io.ktor.client.statement.bodyAsText
import io.ktor.http.content.OutgoingContent
import io.ktor.utils.io.ByteReadChannel
import io.ktor.utils.io.ByteWriteChannel
import io.ktor.utils.io.writeFully
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

/** 20 MB, turned away while they still come (spec 11.1); what asks inside of the session's own functions. */
@Timeout(300)
class UploadTest {
    private val content = ByteArray(20 * 1024 * 1024) { (it % 251).toByte() }

    @Test
    fun `bytes and files arrive whole`(@TempDir folder: Path) = test {
        val file = Files.write(folder.resolve("up"), content)
        val sum = content.fold(-0x340d631b7bdddcdbL) { sum, byte -> (sum xor (byte.toLong() and 0xff)) * 0x100000001b3L }
        val wanted = """{"content_length":true,"fnv":"${"%016x".format(sum)}","length":${content.size}}"""
        val bodies = listOf<HttpRequestBuilder.() -> Unit>(
            { setBody(content) },
            {
                setBody(Reopened(file))
                replayable()
            },
        )
        for (body in bodies) assertEquals(200 to wanted, sent(body))
    }

    @Test
    fun `a stream of one use is not sent again`() = test {
        assertEquals(401, sent { setBody(ByteReadChannel(content)) }.first)
    }

    @Test // spec 4.8, 12.13
    fun `a login handler that blocks in a client of its own session is refused at once`(): Unit = TestServer().use { server ->
        server.play("""{"match": {"path": "/data", "token": "AT-1"}, "respond": {"text": "hello"}}""")
        lateinit var client: HttpClient
        val session = Session(
            tokenUrl = "${server.url}/token", clientId = "app", origins = listOf(server.url),
            login = { session ->
                assertFailsWith<RekindleException.Misuse> { client.get("${server.url}/data") }
                assertFailsWith<RekindleException.Misuse> { runBlocking { client.get("${server.url}/data") } }
                session.signIn(Credential("AT-1", "RT-1"))
            },
        )
        client = client(session)
        test { assertEquals("hello", client.get("${server.url}/data").bodyAsText()) }
    }

    private suspend fun sent(body: HttpRequestBuilder.() -> Unit): Pair<Int, String> = TestServer().use { server ->
        server.play("""{"match": {"path": "/token"}, "respond": {"json": {"access_token": "AT-2", "expires_in": 900}}}""")
        val session = Session(
            tokenUrl = "${server.url}/token", clientId = "app", credential = Credential("AT-1", "RT-1"), origins = listOf(server.url),
        )
        val response = client(session).put("${server.url}/__upload?token=AT-2", body)
        response.status.value to response.bodyAsText()
    }
}

/** A file that is opened anew for each send. */
private class Reopened(private val file: Path) : OutgoingContent.WriteChannelContent() {
    override val contentLength: Long get() = Files.size(file)

    override suspend fun writeTo(channel: ByteWriteChannel) {
        Files.newInputStream(file).use { input ->
            val piece = ByteArray(64 * 1024)
            while (true) {
                val count = input.read(piece)
                if (count < 0) break
                channel.writeFully(piece, 0, count)
            }
        }
    }
}
