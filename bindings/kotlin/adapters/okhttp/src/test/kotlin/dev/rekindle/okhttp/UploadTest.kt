package dev.rekindle.okhttp

import dev.rekindle.Credential
import dev.rekindle.RekindleException
import dev.rekindle.Session
import dev.rekindle.testkit.TestServer
import kotlinx.coroutines.runBlocking
import okhttp3.MediaType
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.asRequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okio.BufferedSink
import okio.source
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertTrue

/** 20 MB, turned away while they still come (spec 11.1); what blocks inside of the session's own functions. */
@Timeout(300)
class UploadTest {
    private val content = ByteArray(20 * 1024 * 1024) { (it % 251).toByte() }

    @Test
    fun `bytes and files arrive whole`(@TempDir folder: Path) {
        val file = Files.write(folder.resolve("up"), content).toFile()
        val sum = content.fold(-0x340d631b7bdddcdbL) { sum, byte -> (sum xor (byte.toLong() and 0xff)) * 0x100000001b3L }
        val wanted = """{"content_length":true,"fnv":"${"%016x".format(sum)}","length":${content.size}}"""
        for (body in listOf(content.toRequestBody(), file.asRequestBody(), Reopened(file.toPath()))) {
            repeat(2) { assertEquals(200 to wanted, sent(body)) }
        }
    }

    @Test
    fun `a stream of one use is not sent again`() {
        assertEquals(401, sent(Streamed(content)).first)
    }

    @Test // spec 4.8, 12.13
    fun `a login handler that sends through a client of its own session is refused at once`(): Unit = TestServer().use { server ->
        server.play("""{"match": {"path": "/data", "token": "AT-1"}, "respond": {"text": "hello"}}""")
        lateinit var refused: RekindleIOException
        lateinit var client: okhttp3.OkHttpClient
        val session = Session(
            tokenUrl = "${server.url}/token", clientId = "app", origins = listOf(server.url),
            login = { session ->
                refused = runCatching { client.status(get("${server.url}/data")) }.exceptionOrNull() as RekindleIOException
                session.signIn(Credential("AT-1", "RT-1"))
            },
        )
        client = client(session)
        assertEquals(200, client.status(get("${server.url}/data")))
        assertIs<RekindleException.Misuse>(refused.error)
        assertTrue("would wait for itself" in refused.message.orEmpty(), refused.message)
    }

    @Test // spec 4.8
    fun `a refresh function that sends through a client of its own session is refused at once`(): Unit = TestServer().use { server ->
        lateinit var refused: RekindleIOException
        lateinit var client: okhttp3.OkHttpClient
        val session = Session(
            tokenUrl = "${server.url}/token", clientId = "app", credential = Credential("AT-1", "RT-1"), origins = listOf(server.url),
            refresh = {
                refused = runCatching { client.status(get("${server.url}/token")) }.exceptionOrNull() as RekindleIOException
                dev.rekindle.TokenResponse("AT-2")
            },
        )
        client = client(session)
        session.invalidate()
        assertEquals("AT-2", runBlocking { session.token().value })
        assertEquals("Misuse", refused.error.kind)
    }

    private fun sent(body: RequestBody): Pair<Int, String> = TestServer().use { server ->
        server.play("""{"match": {"path": "/token"}, "respond": {"json": {"access_token": "AT-2", "expires_in": 900}}}""")
        val session = Session(
            tokenUrl = "${server.url}/token", clientId = "app", credential = Credential("AT-1", "RT-1"), origins = listOf(server.url),
        )
        val request = Request.Builder().url("${server.url}/__upload?token=AT-2").put(body).build()
        // On a busy machine 20 MB may stand still for longer than OkHttp's own ten seconds.
        val client = client(session).newBuilder().writeTimeout(60, TimeUnit.SECONDS).readTimeout(60, TimeUnit.SECONDS).build()
        client.newCall(request).execute().use { it.code to it.body.string() }
    }
}

/** A file that is opened anew for each send. */
private class Reopened(private val file: Path) : RequestBody() {
    override fun contentType(): MediaType? = null

    override fun contentLength(): Long = Files.size(file)

    override fun writeTo(sink: BufferedSink) {
        Files.newInputStream(file).source().use { sink.writeAll(it) }
    }
}

private class Streamed(private val content: ByteArray) : RequestBody() {
    override fun contentType(): MediaType? = null

    override fun isOneShot(): Boolean = true

    override fun writeTo(sink: BufferedSink) {
        sink.writeAll(content.inputStream().source())
    }
}
