package dev.rekindle.okhttp

import dev.rekindle.testkit.STRICT
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.session
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import okhttp3.ResponseBody
import retrofit2.Retrofit
import retrofit2.http.GET
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class RetrofitTest {
    private interface Api {
        @GET("data")
        suspend fun data(): ResponseBody
    }

    @Test
    fun `suspending functions survive an expired token and fail with the session's error`() = TestServer(STRICT).use { server ->
        val session = session(server)
        val api = Retrofit.Builder().baseUrl("${server.url}/").client(client(session)).build().create(Api::class.java)
        runBlocking {
            List(20) { async { api.data().string() } }.awaitAll()
            assertEquals(listOf(1L, 20L), listOf(server.count("refresh_requests"), server.count("accepted")))
            session.signOut()
            assertFailsWith<RekindleIOException> { api.data() }
        }
        Unit
    }
}
