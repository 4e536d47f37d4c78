package dev.rekindle

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.runTest
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds

/** A Job is cancelled in each state that a call can be in. None takes a token, a save or the next caller with it. */
class CancelTest {
    private fun CoroutineScope.beginning(call: suspend () -> Unit) =
        launch(start = CoroutineStart.UNDISPATCHED) { call() }

    private val held = """{"match": {"path": "/oauth/token"}, "hold": "token"}"""

    @Test
    fun `while the store is read`() = runTest {
        TestServer(STRICT).use { server ->
            val asked = CompletableDeferred<Unit>()
            val goOn = CompletableDeferred<Unit>()
            val session = server.session(store = object : OneRecord() {
                override suspend fun load(key: String): Loaded {
                    asked.complete(Unit)
                    goOn.await()
                    return super.load(key)
                }
            })
            val caller = beginning { session.token() }
            asked.await()
            caller.cancelAndJoin()
            goOn.complete(Unit)
            assertEquals(1, session.token().generation)
        }
    }

    @Test
    fun `while the refresh is under way, in every call that waits for it`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            val client = Client(session, server.url)
            val token = session.token()
            val turnedAway = OwnRequest("${server.url}/data").let(session::call).also { it.headers() }
            val calls = listOf<suspend () -> Unit>(
                { session.token() }, { session.token(1.minutes) }, { session.call(OwnRequest("${server.url}/x")).headers() },
                { session.refresh() }, { turnedAway.answered(OwnResponse(401)) }, { client.get("/data") },
                { client.graphql("{ a }") }, { client.stream("GET", "/data") {} }, { session.shutdown(1.minutes) },
            )
            session.invalidate()
            server.script(held)
            val callers = calls.map { beginning(it) }
            server.log(wait = 1)
            callers.forEach { it.cancelAndJoin() }
            server.release("token")
            assertEquals(token.generation + 1, session.token().generation)
            assertEquals(1, server.counter("refreshes"))
            // None of the cancelled requests was sent with the new token.
            assertEquals(0, server.count("/data"))
        }
    }

    @Test
    fun `while the grant is saved`() = runTest {
        TestServer(STRICT).use { server ->
            val saving = CompletableDeferred<Unit>()
            val goOn = CompletableDeferred<Unit>()
            var slow = false
            var before = 0
            val store = object : OneRecord() {
                override suspend fun save(key: String, record: ByteArray, expected: Expected): Saved {
                    // The first one after the claim.
                    if (slow && saves.get() > before) {
                        saving.complete(Unit)
                        goOn.await()
                    }
                    return super.save(key, record, expected)
                }
            }
            val session = server.session(store = store)
            val old = session.token()
            session.shutdown()
            before = store.saves.get()
            slow = true
            val caller = beginning { session.refresh() }
            saving.await()
            caller.cancelAndJoin()
            goOn.complete(Unit)
            assertTrue(session.shutdown(10.seconds))
            assertTrue(session.status().isPersisted)
            assertEquals(old.generation + 1, session.token().generation)
        }
    }

    @Test
    fun `while the answer is awaited, and while its body comes`() = runTest {
        TestServer(STRICT).use { server ->
            val client = Client(server.session(), server.url)
            val slow = """{"match": {"path": "/slow"}, "respond": {"status": 200, "text": "abcdefghij"},
                "fault": {"slow": {"chunk_bytes": 1, "delay_ms": 50}}}"""
            server.script("""{"match": {"path": "/held"}, "respond": {"status": 200}, "hold": "held"}""", slow)
            val waiting = beginning { client.get("/held") }
            server.log(wait = 1)
            waiting.cancelAndJoin()
            val first = CompletableDeferred<Unit>()
            val reading = beginning {
                client.stream("GET", "/slow") { response -> response.chunks().collect { first.complete(Unit) } }
            }
            first.await()
            reading.cancelAndJoin()
            server.release("held")
            assertEquals(200, client.get("/data").status)
        }
    }

    @Test
    fun `while its own body is sent`() = runTest {
        TestServer(STRICT).use { server ->
            val client = Client(server.session(), server.url)
            val begun = CompletableDeferred<Unit>()
            val ended = CompletableDeferred<Unit>()
            val endless = flow {
                try {
                    emit("piece".encodeToByteArray())
                    begun.complete(Unit)
                    CompletableDeferred<Unit>().await()
                } finally {
                    ended.complete(Unit)
                }
            }
            val sending = beginning { client.post("/in", Body.once(endless)) }
            begun.await()
            sending.cancelAndJoin()
            ended.await()
        }
    }

    @Test
    fun `while a sign-in and a sign-out are saved`() = runTest {
        TestServer(STRICT).use { server ->
            val saving = CompletableDeferred<Unit>()
            val goOn = CompletableDeferred<Unit>()
            var slow = false
            val store = object : OneRecord() {
                override suspend fun save(key: String, record: ByteArray, expected: Expected): Saved {
                    if (slow) {
                        saving.complete(Unit)
                        goOn.await()
                    }
                    return super.save(key, record, expected)
                }
            }
            val session = server.session(store = store)
            session.token()
            session.shutdown()
            slow = true
            val other = server.signIn()
            val caller = beginning { session.signIn(other) }
            saving.await()
            caller.cancelAndJoin()
            goOn.complete(Unit)
            assertTrue(session.shutdown(10.seconds))
            assertEquals(other.accessToken, session.token().value)
            beginning { session.signOut() }.cancelAndJoin()
            assertTrue(session.shutdown(10.seconds))
            assertFailsWith<RekindleException.SignedOut> { session.token() }
        }
    }

    @Test
    fun `while an event is awaited, and one that came stays for others`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            session.token()
            val stays = async(start = CoroutineStart.UNDISPATCHED) { session.events().first() }
            repeat(100) { beginning { session.events().collect {} }.cancelAndJoin() }
            session.signOut()
            assertEquals("SignedOut", stays.await().name)
        }
    }

    @Test
    fun `1000 callers cancelled at random, and the rest get the one token`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            session.token()
            session.invalidate()
            server.script(held)
            val callers = List(1000) { async(start = CoroutineStart.UNDISPATCHED) { session.token() } }
            server.log(wait = 1)
            val (gone, stay) = callers.withIndex().partition { it.index % 3 == 0 }
            gone.forEach { it.value.cancelAndJoin() }
            server.release("token")
            assertEquals(setOf(2L), stay.map { it.value.await().generation }.toSet())
            assertEquals(1, server.counter("refreshes"))
        }
    }
}
