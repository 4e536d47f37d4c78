package dev.rekindle

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.serialization.json.jsonObject
import org.junit.jupiter.api.io.TempDir
import java.net.ProxySelector
import java.net.URI
import java.net.URLDecoder
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.nio.file.Path
import java.util.concurrent.CompletableFuture
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Signing in (spec 12). */
class SignInTest {
    private fun TestServer.app(
        store: CredentialStore = MemoryStore(),
        login: Login? = null,
        server: String? = null,
        dialect: Dialect = Dialect("oauth2"),
        credential: Credential? = null,
    ) = Session(
        dialect, "$url/token", "app", credential = credential, store = store, origins = listOf(url), login = login,
        authorizationUrl = "$url/authorize", server = server,
    )

    private fun grants(number: Int) =
        """{"match": {"path": "/token"}, "respond": {"json":
            {"access_token": "AT-$number", "refresh_token": "RT-$number", "expires_in": 900}}}"""

    private fun parameters(url: String): Map<String, String> = URI(url).rawQuery.split('&').associate {
        val (name, value) = it.split('=', limit = 2)
        name to URLDecoder.decode(value, Charsets.UTF_8)
    }

    private fun callback(begun: BegunSignIn) = "${begun.redirectUri}?code=c-1&state=${parameters(begun.url)["state"]}"

    // spec 12.1, 12.3, 12.5, 12.6
    @Test
    fun `an app's link comes back to another process, and a second one costs nothing`(@TempDir folder: Path) = runBlocking<Unit> {
        TestServer().use { server ->
            server.script(grants(1))
            val begun = server.app().beginSignIn(SignInRequest(redirectUri = "com.example.app:/callback", scope = "openid"))
            val asked = parameters(begun.url)
            assertEquals("S256", asked["code_challenge_method"])
            assertNotNull(asked["nonce"])
            assertFalse(begun.pending in "$begun" || asked["state"]!! in "$begun")
            // What was kept as text is enough: as after the system ended the app.
            val session = server.app(FileStore(folder.resolve("session.json")))
            assertFailsWith<RekindleException.InvalidResponse> {
                session.finishSignIn(begun.pending, "com.example.app:/callback?code=c-1&state=guess")
            }
            session.finishSignIn(begun.pending, callback(begun))
            assertEquals("AT-1", session.token().value)
            assertFailsWith<RekindleException.Misuse> { server.app().finishSignIn(begun.pending, callback(begun)) }
            assertEquals(1, server.count("/token"))
            assertFailsWith<RekindleException.InvalidConfig> { session.finishSignIn("{}", callback(begun)) }
            assertFailsWith<RekindleException.InvalidConfig> { session.beginSignIn(SignInRequest("http://app.example/callback")) }
        }
    }

    // spec 12.8
    @Test
    fun `a browser on this machine signs in`() = runBlocking<Unit> {
        TestServer().use { server ->
            server.script(grants(1))
            val session = server.app()
            session.signInWithBrowser { address ->
                val asked = parameters(address)
                visit("${asked["redirect_uri"]}?code=c-1&state=${asked["state"]}")
            }
            assertEquals("AT-1", session.token().value)
            assertFailsWith<RekindleException.Misuse> { session.signInWithBrowser { error("no browser") } }
        }
    }

    // spec 12.9, 12.10
    @Test
    fun `a server is found by its issuer, and a device signs in`() = runBlocking<Unit> {
        TestServer().use { server ->
            val found = """{"issuer": "${server.url}", "token_endpoint": "${server.url}/token",
                "device_authorization_endpoint": "${server.url}/device", "revocation_endpoint": "${server.url}/revoke"}"""
            val device = """{"device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": "https://a.example/device",
                "interval": 1}"""
            server.script(
                """{"match": {"path": "/.well-known/oauth-authorization-server"}, "respond": {"json": $found}}""",
                """{"match": {"path": "/device"}, "respond": {"json": $device}}""",
                grants(1),
                """{"match": {"path": "/revoke"}, "respond": {"status": 200}}""",
            )
            val session = server.app(server = discover(server.url))
            val shown = CompletableFuture<DeviceCode>()
            session.signInWithDevice { shown.complete(it) }
            assertEquals(DeviceCode("https://a.example/device", "WDJB-MJHT", null), shown.get())
            assertEquals("AT-1", session.token().value)
            assertEquals(true, session.signOutAndRevoke())
            assertEquals(1, server.count("/revoke"))
            assertFailsWith<RekindleException.SignedOut> { session.token() }
            assertNull(server.app().signOutAndRevoke())
        }
    }

    // spec 12.11
    @Test
    fun `a name and a password are sent as the dialect says`() = runBlocking<Unit> {
        TestServer().use { server ->
            server.script("""{"match": {"path": "/login"}, "respond": {"json": {"accessToken": "AT-1"}}}""")
            val dialect = Dialect.toml(
                """
                [token_endpoint]
                encoding = "json"
                client_auth = "none"
                [password]
                url = "${server.url}/login"
                names = { username = "email" }
                [password.answer]
                access_token = "accessToken"
                """.trimIndent(),
            )
            val session = server.app(dialect = dialect)
            val proof = Proof.Password("ada", "sentinel")
            assertFalse("sentinel" in "$proof")
            session.signInWith(proof)
            assertEquals("AT-1", session.token().value)
            assertTrue("\"email\":\"ada\"" in server.log().single().jsonObject.text("body")!!.replace(" ", ""))
        }
    }

    // spec 12.17
    @Test
    fun `an app's users sign in under their keys and are listed`(@TempDir folder: Path) = runBlocking<Unit> {
        TestServer().use { server ->
            server.script(grants(1), grants(2))
            val app = App(
                tokenUrl = "${server.url}/token", clientId = "app", store = FolderStore(folder),
                authorizationUrl = "${server.url}/authorize",
            )
            for (user in listOf("bob", "ada")) {
                val begun = app.beginSignIn(SignInRequest(redirectUri = "com.example.app:/callback"))
                assertFailsWith<RekindleException.InvalidConfig> { app.finishSignIn(begun.pending, callback(begun)) }
                val session = app.finishSignIn(begun.pending, callback(begun), user)
                assertNull(session.subject)
                assertEquals(session.token().value, app.session(user).token().value)
            }
            assertEquals(listOf("ada", "bob"), app.accounts())
            app.session("bob").signOut()
            assertEquals(listOf("ada"), app.accounts())
        }
    }

    // spec 12.13
    @Test
    fun `a hundred callers wait for one sign-in`() = runBlocking<Unit> {
        TestServer().use { server ->
            server.script(grants(1))
            val asked = AtomicInteger()
            val session = server.app(
                login = { session ->
                    asked.incrementAndGet()
                    assertFailsWith<RekindleException.Misuse> { session.token() }
                    session.signInWithBrowser { address ->
                        val given = parameters(address)
                        visit("${given["redirect_uri"]}?code=c-1&state=${given["state"]}")
                    }
                },
            )
            val tokens = withContext(Dispatchers.Default) { List(100) { async { session.token().value } }.awaitAll() }
            assertEquals(setOf("AT-1"), tokens.toSet())
            assertEquals(1, asked.get())
        }
    }

    // spec 4.8, 12.13
    @Test
    fun `what blocks for the session that it serves does not wait for itself`() = runBlocking<Unit> {
        TestServer().use { server ->
            server.script(grants(1))
            // As a client does that blocks: on the handler's own thread, and in no coroutine of its.
            val session = server.app(login = { session ->
                assertFailsWith<RekindleException.Misuse> { runBlocking { session.token() } }
                session.signIn(Credential("AT-1", "RT-1"))
            })
            assertEquals("AT-1", session.token().value)
            lateinit var own: Session
            own = Session(
                tokenUrl = "${server.url}/token", clientId = "app", credential = Credential("AT-1", "RT-1"),
                refresh = {
                    assertFailsWith<RekindleException.Misuse> { runBlocking { own.refresh() } }
                    TokenResponse("AT-2")
                },
            )
            assertEquals("AT-2", own.refresh().value)
            // Elsewhere nothing is left of it.
            assertEquals("AT-2", withContext(Dispatchers.IO) { runBlocking { own.token().value } })
        }
    }

    // spec 12.13
    @Test
    fun `a handler that fails is told, with what it threw`() = runBlocking<Unit> {
        TestServer().use { server ->
            val own = server.app(login = { throw IllegalStateException("a text with a secret") })
            val misuse = assertFailsWith<RekindleException.Misuse> { own.token() }
            assertFalse("secret" in misuse.message!!)
            assertTrue(misuse.cause is IllegalStateException)
            val said = server.app(login = { throw RekindleException.LoginRequired("the user closed the window") })
            assertEquals("the user closed the window", assertFailsWith<RekindleException.LoginRequired> { said.token() }.message)
        }
    }

    /** The browser comes back, in its own time. */
    private fun visit(url: String) {
        HTTP.sendAsync(HttpRequest.newBuilder(URI(url)).build(), HttpResponse.BodyHandlers.discarding())
    }

    private companion object {
        val HTTP: HttpClient =
            HttpClient.newBuilder().proxy(ProxySelector.of(null)).version(HttpClient.Version.HTTP_1_1).build()
    }
}
