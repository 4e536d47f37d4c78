package dev.rekindle

import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.test.runTest
import java.nio.file.Files
import kotlin.test.Test
import kotlin.test.assertEquals

/** What another process does: reads the store, and asks for a token that the first has let expire. */
object OtherProcess {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val (url, file) = arguments
        val session = Session(
            tokenUrl = "$url/oauth/token", clientId = "app", clientSecret = "app-secret", store = FileStore(file),
            origins = listOf(url),
        )
        println("${Client(session, url).get("/data").status} ${session.token().generation}")
    }
}

class ProcessesTest {
    @Test
    fun `two processes on one file make one refresh`() = runTest {
        TestServer(STRICT).use { server ->
            val file = Files.createTempDirectory("rekindle").resolve("session.json")
            val session = server.session(store = FileStore(file))
            session.token()
            session.shutdown()
            server.expireAll()
            // Both are turned away with the old token; one refreshes, the other finds it in the store.
            server.script("""{"match": {"path": "/data"}, "barrier": 2}""")
            val java = ProcessHandle.current().info().command().get()
            val other = ProcessBuilder(java, "-cp", System.getProperty("java.class.path"),
                OtherProcess::class.java.name, server.url, file.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT).start()
            val here = Client(session, server.url).get("/data").status
            val said = other.inputReader().readLine()
            assertEquals(0, other.waitFor())
            assertEquals(listOf("200", "200 2"), listOf(here.toString(), said))
            assertEquals(1, server.counter("refreshes"))
        }
    }
}
