package dev.rekindle.ktor

import dev.rekindle.testkit.provesEachHopAndSend
import io.ktor.client.request.get
import kotlinx.coroutines.runBlocking
import kotlin.test.Test

class ProofTest {
    @Test // spec 9.4
    fun `each hop and each send has a proof of its own and the nonce is heard`() =
        provesEachHopAndSend { session, url -> runBlocking { client(session).get(url).status.value } }
}
