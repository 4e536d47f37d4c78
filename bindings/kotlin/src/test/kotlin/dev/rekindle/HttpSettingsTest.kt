package dev.rekindle

import kotlinx.coroutines.test.runTest
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.time.Duration

/** Token requests travel as the API's do. */
class HttpSettingsTest {
    private val credential = Credential(accessToken = "AT-1", refreshToken = "RT-1")

    @Test
    fun `refreshes go the way of their session`() = behindProxy { proxy, http ->
        val session = Session(
            tokenUrl = "http://auth.test/token", clientId = "app", credential = credential, origins = listOf("http://api.test"),
            insecureOrigins = listOf("http://auth.test", "http://api.test"), http = http,
        )
        session.invalidate()
        assertEquals("from the proxy", Client(session, baseUrl = "http://api.test").get("/data").text())
        assertEquals(listOf("app/1", "app/1"), proxy.userAgents())
    }

    @Test
    fun `so do those of an app's sessions`() = behindProxy { proxy, http ->
        val app = App(
            tokenUrl = "http://auth.test/token", clientId = "app", insecureOrigins = listOf("http://auth.test"), http = http,
        )
        val session = app.session("ada", credential)
        session.invalidate()
        assertEquals("AT-2", session.token().value)
        assertEquals(listOf("app/1"), proxy.userAgents())
    }

    @Test
    fun `what makes no sense is named before anything is sent`() {
        val key = SigningKey.generate().second.encodeToByteArray()
        val wrong = mapOf(
            "root" to HttpSettings(rootCertificates = listOf("no certificate".encodeToByteArray())),
            "proxy" to HttpSettings(proxy = Proxy.Url("no url")),
            "user" to HttpSettings(userAgent = "a\nb"),
            "client" to HttpSettings(clientCertificate = ClientCertificate(ByteArray(0), key)),
            "connect" to HttpSettings(connectTimeout = Duration.ZERO),
        )
        for ((name, http) in wrong) {
            val made = listOf<() -> Any>(
                { Session(tokenUrl = "https://a.test", http = http) },
                { App(tokenUrl = "https://a.test", http = http) },
                { Client(Session(tokenUrl = "https://a.test"), http = http) },
            )
            for (make in made) {
                val argument = assertFailsWith<RekindleException.InvalidConfig>(name) { make() }.argument.orEmpty()
                assertEquals(name, argument.take(name.length))
            }
        }
        val own = Transport { TransportResponse(500) }
        val both = assertFailsWith<RekindleException.InvalidConfig> {
            Session(tokenUrl = "https://a.test", http = HttpSettings(), transport = own)
        }
        assertEquals("http", both.argument)
    }

    @Test // spec 9.3
    fun `no setting shows a secret`() {
        val certificate = ClientCertificate("AT-2".encodeToByteArray(), "AT-3".encodeToByteArray())
        val http = HttpSettings(proxy = Proxy.Url("http://user:AT-1@proxy.test"), clientCertificate = certificate)
        assertFalse("AT-" in "$http ${http.proxy} $certificate")
    }

    private fun behindProxy(run: suspend (TestServer, HttpSettings) -> Unit) = runTest {
        TestServer().use { proxy ->
            proxy.script(
                """{"match": {"body_contains": "RT-1"}, "respond": {"json": {"access_token": "AT-2", "expires_in": 900}}}""",
                """{"match": {"token": "AT-2"}, "respond": {"text": "from the proxy"}}""",
            )
            run(proxy, HttpSettings(proxy = Proxy.Url(proxy.url), userAgent = "app/1"))
        }
    }

    private suspend fun TestServer.userAgents() = log().map { request ->
        val headers = request.jsonObject.getValue("headers").jsonArray.map { it.jsonArray.map { part -> part.jsonPrimitive.content } }
        headers.firstOrNull { it[0] == "user-agent" }?.get(1)
    }
}
