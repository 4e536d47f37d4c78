package dev.rekindle.ktor

import dev.rekindle.Credential
import dev.rekindle.Dialect
import dev.rekindle.FileStore
import dev.rekindle.RekindleException
import dev.rekindle.Session
import dev.rekindle.testkit.HELD_REFRESH
import dev.rekindle.testkit.OtherProcess
import dev.rekindle.testkit.STRICT
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.session
import io.ktor.client.HttpClient
import io.ktor.client.request.get
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import kotlin.system.exitProcess
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds

@Timeout(300)
class RaceTest {
    private val server = TestServer(STRICT)
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    @Test
    fun `a hundred calls make one refresh and all succeed`() = ran {
        server.knobs("""{"token_latency_ms": 300}""")
        val client = client(session(server))
        assertEquals(List(100) { 200 }, List(100) { client.begin("/data") }.awaitAll())
        assertEquals(1, server.count("refresh_requests"))
    }

    @Test
    fun `a cancelled coroutine ends at once and its refresh goes on`() = ran {
        server.play(HELD_REFRESH)
        val client = client(session(server))
        val leader = client.begin("/data")
        server.logOf(2)
        leader.cancelAndJoin()
        assertTrue(leader.isCancelled)
        server.release("refresh")
        assertEquals(200, client.begin("/data").await())
        assertOneRefresh()
    }

    @Test
    fun `a late 401 is replayed without a second refresh`() = ran {
        server.play("""{"match": {"path": "/slow"}, "hold": "late"}""")
        val client = client(session(server))
        val late = client.begin("/slow")
        server.logOf(1)
        assertEquals(200, client.begin("/data").await())
        server.release("late")
        assertEquals(200, late.await())
        assertOneRefresh()
    }

    @Test
    fun `a sign-out during a refresh wins`() = ran {
        server.play(HELD_REFRESH)
        val session = session(server)
        val client = client(session)
        val waiting = client.begin("/data")
        server.logOf(2)
        session.signOut()
        assertFailsWith<RekindleException.SignedOut> { waiting.await() }
        server.release("refresh")
        session.shutdown()
        assertNull(session.tokenIfValid())
        assertFailsWith<RekindleException.SignedOut> { client.get("${server.url}/data") }
        assertEquals(0, server.count("accepted"))
    }

    @Test
    fun `a hung refresh ends in a deadline and its answer is not lost`() = ran {
        server.play(HELD_REFRESH)
        val session = session(server, waitTimeout = 300.milliseconds)
        val client = client(session)
        for (call in List(10) { client.begin("/data") }) assertFailsWith<RekindleException.Timeout> { call.await() }
        server.release("refresh")
        session.shutdown()
        assertEquals(200, client.begin("/data").await())
        assertOneRefresh()
    }

    @Test
    fun `two processes on one file make one refresh`(@TempDir folder: Path) = ran {
        server.knobs("""{"token_latency_ms": 300}""")
        server.play("""{"match": {"path": "/data"}, "barrier": 2}""")
        val tokens = server.expired()
        val words = arrayOf(server.url, folder.resolve("session.json").toString(), tokens.access, tokens.refresh)
        val others = List(2) { OtherProcess("dev.rekindle.ktor.OneCall", *words) }
        assertEquals(listOf("200", "200"), others.map { it.said() })
        assertOneRefresh()
    }

    private fun HttpClient.begin(path: String): Deferred<Int> = scope.async { get(server.url + path).status.value }

    private fun assertOneRefresh() =
        assertEquals(listOf(1L, 0L), listOf(server.count("refresh_requests"), server.count("families_revoked")))

    private fun ran(run: suspend () -> Unit) = server.use { test { run() } }
}

/** Another process: one call with the session in that file. */
object OneCall {
    @JvmStatic
    fun main(words: Array<String>) {
        val (url, file, access, refresh) = words
        val session = Session(
            dialect = Dialect("json"),
            tokenUrl = "$url/refresh",
            credential = Credential(accessToken = access, refreshToken = refresh),
            origins = listOf(url),
            store = FileStore(file),
        )
        println(runBlocking { client(session).get("$url/data").status.value })
        exitProcess(0)
    }
}
