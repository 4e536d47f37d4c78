import dev.rekindle.TestServer
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.CsvSource
import java.io.File
import java.nio.file.Files
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Each program with an expired token, in a process of its own, on a server that revokes everything on reuse. */
class ExamplesTest {
    @ParameterizedTest
    @CsvSource(
        "restjson.RestJsonKt, json, ok",
        "authenticatedfetch.AuthenticatedFetchKt, api_token, 200",
        "oauth.OAuthKt, oauth, '1 refreshes, 0 sign-ins lost'",
        "graphql.GraphQLKt, graphql, students",
    )
    fun `an example with an expired token refreshes once`(program: String, dialect: String, said: String) = runBlocking {
        TestServer("""{"dialect": "$dialect", "rotation": "strict_family"}""").use { server ->
            val tokens = server.signIn()
            server.expireAll()
            val java = ProcessHandle.current().info().command().get()
            val process = ProcessBuilder(java, "-cp", System.getProperty("java.class.path"), program).redirectErrorStream(true)
            process.environment() += mapOf(
                "API_URL" to if (dialect == "graphql") "${server.url}/graphql" else server.url,
                "TOKEN_URL" to "${server.url}/oauth/token",
                "CLIENT_ID" to "app",
                "CLIENT_SECRET" to "app-secret",
                "ACCESS_TOKEN" to tokens.accessToken,
                "REFRESH_TOKEN" to tokens.refreshToken,
                "SESSION_FILE" to Files.createTempDirectory("rekindle").resolve("session.json").toString(),
            )
            val running = process.start()
            val output = running.inputReader().readText()
            assertEquals(0, running.waitFor(), output)
            assertTrue(said in output, output)
            assertEquals(1 to 0, server.counter("refreshes") to server.counter("reuses_detected"))
        }
    }

    @ParameterizedTest
    @CsvSource("dev.rekindle.Session")
    fun `the packaged jar is what runs, the native library inside`(name: String) {
        val place = File(Class.forName(name).protectionDomain.codeSource.location.toURI())
        assertTrue(place.isFile && place.extension == "jar", "$place")
    }
}
