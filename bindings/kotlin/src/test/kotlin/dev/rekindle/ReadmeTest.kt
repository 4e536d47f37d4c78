package dev.rekindle

import java.nio.file.Files
import java.nio.file.Path
import kotlin.test.Test
import kotlin.test.assertTrue

/** What the READMEs show compiles: it stands here, too, line by line. */
@Suppress("unused")
private object Shown {
    suspend fun minute() {
        // On a phone: beginSignIn and finishSignIn, with the app's own link.
        val session = signIn("google", clientId = "ID", store = FileStore("google.json"))
        println(Client(session, baseUrl = "https://www.googleapis.com").get("/oauth2/v3/userinfo").text())
    }

    suspend fun api() {
        val session = signInTo("https://mcp.example.com/mcp", name = "My tool", store = FileStore("mcp.json"))
    }

    suspend fun tokens() {
        val session = Session(
            tokenUrl = "https://auth.example.com/oauth/token",
            clientId = "app",
            credential = Credential(accessToken = "...", refreshToken = "..."),
            store = FileStore("session.json"),
        )
        val client = Client(session, baseUrl = "https://api.example.com")
        println(client.get("/data").throwForStatus().text())
    }
}

class ReadmeTest {
    @Test
    fun `what the READMEs show stands here`() {
        val root = generateSequence(Path.of("").toAbsolutePath()) { it.parent }.first { Files.exists(it.resolve("SPEC.md")) }
        val here = lines(Files.readString(root.resolve("bindings/kotlin/src/test/kotlin/dev/rekindle/ReadmeTest.kt")))
        for (file in listOf("README.md", "bindings/kotlin/README.md")) {
            val blocks = Files.readString(root.resolve(file)).split("```kotlin\n").drop(1).map { lines(it.substringBefore("```")) }
            assertTrue(blocks.isNotEmpty(), file)
            for (block in blocks) {
                val isHere = here.windowed(block.size).any { it == block }
                assertTrue(isHere, "$file shows what ReadmeTest.kt does not compile:\n${block.joinToString("\n")}")
            }
        }
    }

    private fun lines(text: String) = text.lines().map { it.trim() }.filter { it.isNotEmpty() && !it.startsWith("import ") }
}
