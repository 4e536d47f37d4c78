package dev.rekindle.ktor

import dev.rekindle.testkit.LoginPage
import dev.rekindle.testkit.STRICT
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.session
import io.ktor.client.HttpClient
import io.ktor.client.request.get
import io.ktor.client.request.post
import io.ktor.client.request.prepareGet
import io.ktor.client.request.setBody
import io.ktor.client.statement.bodyAsText
import kotlin.test.Test
import kotlin.test.assertEquals

/** Spec 2.11: a redirect to the login page is judged before Ktor follows it. */
class LoginPageTest {
    private val server = TestServer(STRICT)

    @Test // spec 2.11
    fun `a redirect to the login page is a rejected token and is not followed`() = served {
        server.play(LoginPage.redirect("/data"))
        assertEquals(200, client().get("${server.url}/data").status.value)
        assertEquals(listOf("/data", "/refresh", "/data"), server.log().map { it.path })
    }

    @Test // spec 2.11
    fun `a POST that was redirected to the login page is sent again with its body`() = served {
        server.play(LoginPage.redirect("/up"))
        assertEquals(200, client().post("${server.url}/up") { setBody("abc") }.status.value)
        assertEquals(listOf("abc", "abc"), server.log().filter { it.path == "/up" }.map { it.body })
    }

    @Test // spec 2.11
    fun `the caller gets the redirect where a fresh token brings it too`() = served {
        server.play(LoginPage.redirect("/data", always = true))
        val response = client().get("${server.url}/data")
        assertEquals(302, response.status.value)
        assertEquals("fresh_token_rejected", response.judged?.replayRefused)
        assertEquals("", response.bodyAsText())
        assertEquals(listOf("/data", "/refresh", "/data"), server.log().map { it.path })
    }

    @Test // spec 2.11
    fun `a streamed answer is not followed to the login page either`() = served {
        server.play(LoginPage.redirect("/data", always = true))
        val status = client().prepareGet("${server.url}/data").execute { it.bodyAsText() to it.status.value }
        assertEquals("" to 302, status)
        assertEquals(listOf("/data", "/refresh", "/data"), server.log().map { it.path })
    }

    @Test // spec 2.11
    fun `other redirects are followed until one leads to the login page`() = served {
        server.play(LoginPage.redirect("/moved", to = "/data"), LoginPage.redirect("/data", status = 303))
        assertEquals(200, client().get("${server.url}/moved").status.value)
        assertEquals(listOf("/moved", "/data", "/refresh", "/data"), server.log().map { it.path })
    }

    private fun served(run: suspend () -> Unit) = server.use { test { run() } }

    private fun client(): HttpClient = client(session(server, server.signIn(), LoginPage.dialect))
}
