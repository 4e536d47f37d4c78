package dev.rekindle

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import kotlin.system.exitProcess
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.time.Duration.Companion.milliseconds

/** A program that ends at once. */
object EndingProcess {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val (what, url, file) = arguments
        when (what) {
            "events" -> events(url)
            "refresh" -> refresh(url, file)
            else -> asks(url, file)
        }
        exitProcess(0)
    }

    /** Twenty users lose their sign-in, and whoever hears of it takes its time. */
    private fun events(url: String) = runBlocking {
        val app = App(tokenUrl = "$url/oauth/token", clientId = "app", clientSecret = "app-secret", onEvent = { key, event ->
            Thread.sleep(10)
            if (event.kind is EventKind.LoginRequired) println("$key must sign in")
        })
        repeat(20) { user ->
            val session = app.session("user-$user", Credential("AT-$user", "RT-unknown-$user"))
            runCatching { session.refresh() }
        }
    }

    /** Nobody waits for the refresh any more that one began. */
    private fun refresh(url: String, file: String) = runBlocking {
        val begun = CompletableDeferred<Unit>()
        val session = Session(
            tokenUrl = "$url/oauth/token", clientId = "app", clientSecret = "app-secret", store = FileStore(file),
            onEvent = { if (it.kind is EventKind.RefreshStarted) begun.complete(Unit) },
        )
        session.invalidate()
        val asking = launch { session.token() }
        begun.await()
        asking.cancelAndJoin()
        println("begun")
    }

    /** What runs at the end asks for a token that there is none of. */
    private fun asks(url: String, file: String) {
        val session = Session(
            tokenUrl = "$url/oauth/token", clientId = "app", clientSecret = "app-secret", store = FileStore(file),
            waitTimeout = 200.milliseconds,
        )
        session.invalidate()
        Runtime.getRuntime().addShutdownHook(Thread {
            println(runCatching { runBlocking { session.token() } }.exceptionOrNull() is RekindleException.Timeout)
        })
    }
}

@Timeout(300)
class ExitTest {
    @Test // spec 10.1
    fun `whoever must sign in is told, however soon the program ends`() = runBlocking {
        TestServer(STRICT).use { server ->
            val told = said("events", server.url, "none")
            assertEquals(List(20) { "user-$it must sign in" }.sorted(), told.sorted())
        }
    }

    @Test // spec 4.10
    fun `a refresh that is under way lands, and its token is saved`(@TempDir folder: Path) = runBlocking {
        TestServer(STRICT).use { server ->
            val file = folder.resolve("session.json")
            server.session(store = FileStore(file)).use { it.token().also { _ -> it.shutdown() } }
            server.control("POST", "/__knobs", """{"token_latency_ms": 300}""")
            assertEquals(listOf("begun"), said("refresh", server.url, "$file"))
            assertEquals(1, server.counter("refreshes"))
            val next = Session(
                tokenUrl = "${server.url}/oauth/token", clientId = "app", clientSecret = "app-secret", store = FileStore(file),
            )
            assertEquals(2, next.token().generation)
            assertEquals(1, server.counter("refreshes"))
        }
    }

    @Test
    fun `a token that is asked for at the end keeps to its timeout`(@TempDir folder: Path) = runBlocking<Unit> {
        TestServer(STRICT).use { server ->
            val file = folder.resolve("session.json")
            server.session(store = FileStore(file)).use { it.token().also { _ -> it.shutdown() } }
            server.script("""{"match": {"path": "/oauth/token"}, "hold": "token"}""")
            assertEquals(listOf("true"), said("asks", server.url, "$file"))
            server.release("token")
        }
    }

    private fun said(vararg words: String): List<String> {
        val java = ProcessHandle.current().info().command().get()
        val classes = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
        val other = ProcessBuilder(listOf(java, "-cp", classes, EndingProcess::class.java.name) + words)
            .redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val lines = other.inputReader().readLines()
        assertEquals(0, other.waitFor())
        return lines
    }
}
