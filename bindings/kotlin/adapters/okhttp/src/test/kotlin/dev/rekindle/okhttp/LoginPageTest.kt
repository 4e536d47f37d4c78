package dev.rekindle.okhttp

import dev.rekindle.testkit.LoginPage
import dev.rekindle.testkit.STRICT
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.session
import okhttp3.Cache
import okhttp3.OkHttpClient
import okhttp3.RequestBody.Companion.toRequestBody
import org.junit.jupiter.api.io.TempDir
import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals

/** Spec 2.11: a redirect to the login page is judged before OkHttp follows it. */
class LoginPageTest {
    private val server = TestServer(STRICT)

    @Test // spec 2.11
    fun `a redirect to the login page is a rejected token and is not followed`() = server.use {
        server.play(LoginPage.redirect("/data"))
        assertEquals(200, client().status(post("${server.url}/data", "abc".toRequestBody())))
        assertEquals(listOf("/data", "/refresh", "/data"), server.log().map { it.path })
        assertEquals(listOf("abc", "abc"), server.log().filter { it.path == "/data" }.map { it.body })
    }

    @Test // spec 2.11
    fun `the caller gets the redirect where a fresh token brings it too`() = server.use {
        server.play(LoginPage.redirect("/data", always = true))
        client().newCall(get("${server.url}/data")).execute().use { response ->
            assertEquals(302, response.code)
            assertEquals(LoginPage.LOCATION, response.header("Location"))
            assertEquals(null, response.header("Cache-Control"))
            assertEquals("fresh_token_rejected", response.judged?.replayRefused)
        }
        assertEquals(listOf("/data", "/refresh", "/data"), server.log().map { it.path })
    }

    @Test // spec 2.11
    fun `other redirects are followed until one leads to the login page`() = server.use {
        server.play(LoginPage.redirect("/moved", to = "/data"), LoginPage.redirect("/data", status = 303))
        assertEquals(200, client().status(get("${server.url}/moved")))
        assertEquals(listOf("/moved", "/data", "/refresh", "/data"), server.log().map { it.path })
    }

    @Test
    fun `no cache keeps a redirect to the login page`(@TempDir folder: File) = server.use {
        server.play(LoginPage.redirect("/data", status = 301, always = true))
        val cache = Cache(folder, 1L shl 20)
        val caching = client().newBuilder().cache(cache).build()
        assertEquals(listOf(301, 301), List(2) { caching.status(get("${server.url}/data")) })
        assertEquals(0, cache.hitCount())
        cache.close()
    }

    private fun client(): OkHttpClient = client(session(server, server.signIn(), LoginPage.dialect))
}
