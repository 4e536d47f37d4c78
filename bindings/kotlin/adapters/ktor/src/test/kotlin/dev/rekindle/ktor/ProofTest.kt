package dev.rekindle.ktor

import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.boundSession
import dev.rekindle.testkit.claims
import dev.rekindle.testkit.moved
import dev.rekindle.testkit.wantsNonce
import io.ktor.client.request.get
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

class ProofTest {
    @Test
    fun `each hop and each send has a proof of its own and the nonce is heard`() = TestServer().use { server ->
        server.play(wantsNonce("/here"), moved("/here", to = "/data"), """{"match": {"path": "/data"}}""")
        test { assertEquals(200, client(boundSession(server)).get("${server.url}/here").status.value) }
        val log = server.log()
        assertEquals(listOf("/here", "/here", "/data"), log.map { it.path })
        assertEquals(3, log.map { it.claims() }.toSet().size)
        assertTrue("\"nonce\":\"n-1\"" in log[1].claims(), log[1].claims())
        assertTrue("/data\"" in log[2].claims(), log[2].claims())
    }
}
