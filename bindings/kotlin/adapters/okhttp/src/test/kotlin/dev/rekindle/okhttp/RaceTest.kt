package dev.rekindle.okhttp

import dev.rekindle.FileStore
import dev.rekindle.RekindleException
import dev.rekindle.testkit.HELD_REFRESH
import dev.rekindle.testkit.OtherProcess
import dev.rekindle.testkit.STRICT
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.session
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir
import java.io.IOException
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertIs
import kotlin.test.assertNull
import kotlin.time.Duration.Companion.milliseconds

@Timeout(300)
class RaceTest {
    private val server = TestServer(STRICT)

    @Test
    fun `a hundred enqueued calls at five a host make one refresh and all succeed`() = server.use {
        server.knobs("""{"token_latency_ms": 300}""")
        val client = client(session(server))
        val calls = List(100) { client.begin(get("${server.url}/data")) }
        assertEquals(List(100) { 200 }, calls.map { it.status() })
        assertEquals(1, server.count("refresh_requests"))
        assertEquals(5, client.dispatcher.maxRequestsPerHost)
    }

    @Test
    fun `a cancelled call ends at once and its refresh goes on`() = server.use {
        server.play(HELD_REFRESH)
        val client = client(session(server))
        val leader = client.begin(get("${server.url}/data"))
        server.logOf(2)
        leader.cancel()
        assertEquals("Canceled", assertFailsWith<IOException> { leader.status() }.message)
        server.release("refresh")
        assertEquals(200, client.status(get("${server.url}/data")))
        assertEquals(listOf(1L, 0L), listOf(server.count("refresh_requests"), server.count("families_revoked")))
    }

    @Test
    fun `a call's own deadline ends its wait`() = server.use {
        server.play(HELD_REFRESH)
        val hurried = client(session(server)).newBuilder().callTimeout(200, TimeUnit.MILLISECONDS).build()
        assertEquals("timeout", assertFailsWith<IOException> { hurried.status(get("${server.url}/data")) }.message)
        server.release("refresh")
    }

    @Test
    fun `an interrupted thread ends its wait`() = server.use {
        server.play(HELD_REFRESH)
        val client = client(session(server))
        val begun = client.begin(get("${server.url}/data"))
        server.logOf(2)
        client.dispatcher.executorService.shutdownNow()
        assertFailsWith<IOException> { begun.status() }
        server.release("refresh")
    }

    @Test
    fun `a late 401 is replayed without a second refresh`() = server.use {
        server.play("""{"match": {"path": "/slow"}, "hold": "late"}""")
        val client = client(session(server))
        val late = client.begin(get("${server.url}/slow"))
        server.logOf(1)
        assertEquals(200, client.status(get("${server.url}/data")))
        server.release("late")
        assertEquals(200, late.status())
        assertEquals(1, server.count("refresh_requests"))
    }

    @Test
    fun `a sign-out during a refresh wins`() = server.use {
        server.play(HELD_REFRESH)
        val session = session(server)
        val client = client(session)
        val waiting = client.begin(get("${server.url}/data"))
        server.logOf(2)
        runBlocking { session.signOut() }
        assertIs<RekindleException.SignedOut>(assertFailsWith<RekindleIOException> { waiting.status() }.error)
        server.release("refresh")
        runBlocking { session.shutdown() }
        assertNull(session.tokenIfValid())
        assertFailsWith<RekindleIOException> { client.status(get("${server.url}/data")) }
        assertEquals(0, server.count("accepted"))
    }

    @Test
    fun `a hung refresh ends in a deadline and its answer is not lost`() = server.use {
        server.play(HELD_REFRESH)
        val session = session(server, waitTimeout = 300.milliseconds)
        val client = client(session)
        val calls = List(10) { client.begin(get("${server.url}/data")) }
        for (call in calls) {
            assertIs<RekindleException.Timeout>(assertFailsWith<RekindleIOException> { call.status() }.error)
        }
        server.release("refresh")
        runBlocking { session.shutdown() }
        assertEquals(200, client.status(get("${server.url}/data")))
        assertEquals(listOf(1L, 0L), listOf(server.count("refresh_requests"), server.count("families_revoked")))
    }

    @Test
    fun `two processes on one file make one refresh`(@TempDir folder: Path) = server.use {
        server.knobs("""{"token_latency_ms": 300}""")
        server.play("""{"match": {"path": "/data"}, "barrier": 2}""")
        val tokens = server.expired()
        val words = arrayOf(server.url, folder.resolve("session.json").toString(), tokens.access, tokens.refresh)
        val others = List(2) { OtherProcess("dev.rekindle.okhttp.OneCall", *words) }
        assertEquals(listOf("200", "200"), others.map { it.said() })
        assertEquals(listOf(1L, 0L), listOf(server.count("refresh_requests"), server.count("families_revoked")))
    }

    private companion object {
        const val HELD_REFRESH = """{"match": {"path": "/refresh"}, "hold": "refresh"}"""
    }
}

/** Another process: one call with the session in that file. */
object OneCall {
    @JvmStatic
    fun main(words: Array<String>) {
        val (url, file, access, refresh) = words
        val session = dev.rekindle.Session(
            dialect = dev.rekindle.Dialect("json"),
            tokenUrl = "$url/refresh",
            credential = dev.rekindle.Credential(accessToken = access, refreshToken = refresh),
            origins = listOf(url),
            store = FileStore(file),
        )
        println(client(session).status(get("$url/data")))
        kotlin.system.exitProcess(0)
    }
}
