package dev.rekindle.okhttp

import dev.rekindle.Credential
import dev.rekindle.Session
import dev.rekindle.SigningKey
import dev.rekindle.testkit.TestServer
import java.util.Base64
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue

class ProofTest {
    @Test
    fun `each hop and each send has a proof of its own and the nonce is heard`() = TestServer().use { server ->
        server.play(WANTS_NONCE, MOVED, """{"match": {"path": "/data"}}""")
        assertEquals(200, client(session(server)).status(get("${server.url}/here")))
        val proofs = server.log().map { claims(it.headers.getValue("dpop")) }
        assertEquals(listOf("/here", "/here", "/data"), server.log().map { it.path })
        assertTrue(proofs[1].contains("\"nonce\":\"n-1\""), proofs[1])
        assertTrue(proofs[2].contains("/data\""), proofs[2])
        assertNotEquals(server.log()[0].headers["dpop"], server.log()[1].headers["dpop"])
        assertEquals(setOf("DPoP at"), server.log().map { it.authorization }.toSet())
    }

    private fun session(server: TestServer) = Session(
        tokenUrl = "${server.url}/token",
        clientId = "app",
        credential = Credential(accessToken = "at", refreshToken = "rt", tokenType = "DPoP"),
        origins = listOf(server.url),
        dpopKey = SigningKey.generate().first,
    )

    private fun claims(proof: String) = String(Base64.getUrlDecoder().decode(proof.split('.')[1]))

    private companion object {
        const val WANTS_NONCE = """{"match": {"path": "/here"}, "respond": {"status": 401,
            "headers": {"WWW-Authenticate": "DPoP error=\"use_dpop_nonce\"", "DPoP-Nonce": "n-1"}}}"""
        const val MOVED = """{"match": {"path": "/here"}, "respond": {"status": 302, "headers": {"Location": "/data"}}}"""
    }
}
