package dev.rekindle.okhttp

import dev.rekindle.testkit.provesEachHopAndSend
import kotlin.test.Test

class ProofTest {
    @Test // spec 9.4
    fun `each hop and each send has a proof of its own and the nonce is heard`() =
        provesEachHopAndSend { session, url -> client(session).status(get(url)) }
}
