package dev.rekindle

import dev.rekindle.ffi.errorKinds
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.withContext
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNotSame
import kotlin.test.assertNull
import kotlin.test.assertSame
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds

class SessionTest {
    @Test
    fun `a token is served, and served again without a crossing of strings`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            assertNull(session.tokenIfValid(), "the store was not read yet")
            val token = session.token()
            assertEquals("Bearer ${token.value}", token.authorization)
            assertEquals("authorization", token.headerName)
            assertEquals(token.value, session.tokenIfValid()?.value)
            assertSame(session.tokenIfValid(), session.tokenIfValid())
        }
    }

    @Test
    fun `the kept token is dropped with its sign-in, its refresh and its invalidation`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            session.token()
            val first = assertNotNull(session.tokenIfValid())
            session.refresh()
            val second = assertNotNull(session.tokenIfValid())
            assertNotSame(first, second)
            assertEquals(first.generation + 1, second.generation)
            session.signIn(server.signIn())
            assertFalse(session.tokenIfValid()?.value in listOf(first.value, second.value))
            session.invalidate()
            assertNull(session.tokenIfValid())
            session.signOut()
            assertNull(session.tokenIfValid())
        }
    }

    @Test
    fun `1000 callers make one refresh`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            session.token()
            session.invalidate()
            val tokens = withContext(Dispatchers.Default) {
                List(1000) { async { session.token().value } }.awaitAll()
            }
            assertEquals(1, tokens.toSet().size)
            assertEquals(1, server.counter("refreshes"))
            assertEquals(1L, session.stats()["refreshes"])
        }
    }

    @Test
    fun `a cancelled leader takes no token with it, and the next caller finds its refresh`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            session.token()
            session.invalidate()
            server.script("""{"match": {"path": "/oauth/token"}, "hold": "token"}""")
            val leader = launch(start = CoroutineStart.UNDISPATCHED) { session.token() }
            server.log(wait = 1)
            val follower = async(start = CoroutineStart.UNDISPATCHED) { session.token() }
            leader.cancelAndJoin()
            server.release("token")
            assertEquals(2, follower.await().generation)
            assertEquals(1, server.counter("refreshes"))
        }
    }

    @Test
    fun `all callers cancelled - the refresh still lands`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            session.token()
            session.invalidate()
            server.script("""{"match": {"path": "/oauth/token"}, "hold": "token"}""")
            val callers = List(5) { launch(start = CoroutineStart.UNDISPATCHED) { session.token() } }
            server.log(wait = 1)
            callers.forEach { it.cancelAndJoin() }
            server.release("token")
            assertTrue(session.shutdown(10.seconds))
            assertEquals(2, assertNotNull(session.tokenIfValid()).generation)
            assertEquals(1, server.counter("refreshes"))
        }
    }

    @Test
    fun `a caller that is cancelled before it begins does nothing`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            val caller = launch { session.token() }
            caller.cancelAndJoin()
            assertEquals(Standing.Unread, session.status().standing)
        }
    }

    @Test
    fun `a cancelled sign-out is a sign-out`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            session.token()
            launch(start = CoroutineStart.UNDISPATCHED) { session.signOut() }.cancelAndJoin()
            assertFailsWith<RekindleException.SignedOut> { session.token() }
        }
    }

    @Test
    fun `time ends a token, and a manual clock turns it`() = runTest {
        TestServer(STRICT).use { server ->
            val clock = ManualClock()
            val tokens = server.signIn()
            val credential = Credential(tokens.accessToken, tokens.refreshToken, expiresIn = 10.minutes)
            val session = server.session(credential, clock = clock)
            val old = session.token()
            assertEquals(clock.wall.plusSeconds(600), old.expiresAt)
            clock.advance(11.minutes)
            assertNull(session.tokenIfValid())
            assertEquals(old.generation + 1, session.token().generation)
        }
    }

    @Test
    fun `events come in order, to flows and to the listener, and a listener that throws ends nothing`() = runTest {
        TestServer(STRICT).use { server ->
            val heard = CopyOnWriteArrayList<String>()
            val uncaught = CopyOnWriteArrayList<Throwable>()
            val before = Thread.getDefaultUncaughtExceptionHandler()
            Thread.setDefaultUncaughtExceptionHandler { _, thrown -> uncaught += thrown }
            try {
                val session = server.session(onEvent = {
                    heard += it.name
                    error("a listener's own mistake")
                })
                session.token()
                val flow = async(start = CoroutineStart.UNDISPATCHED) { session.events().take(3).toList() }
                session.refresh()
                session.signOut()
                val told = flow.await()
                assertEquals(listOf("RefreshStarted", "RefreshSucceeded", "SignedOut"), told.map { it.name })
                assertEquals(EventKind.RefreshStarted("forced"), told[0].kind)
                until("four events") { heard.size == 4 }
                assertEquals(listOf("SignedIn", "RefreshStarted", "RefreshSucceeded", "SignedOut"), heard)
                until("four mistakes") { uncaught.size == 4 }
            } finally {
                Thread.setDefaultUncaughtExceptionHandler(before)
            }
        }
    }

    @Test
    fun `a collector that goes takes only itself`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            session.token()
            val gone = launch(start = CoroutineStart.UNDISPATCHED) { session.events().collect {} }
            val stays = async(start = CoroutineStart.UNDISPATCHED) { session.events().first() }
            gone.cancelAndJoin()
            session.signOut()
            assertEquals("SignedOut", stays.await().name)
        }
    }

    @Test
    fun `a closed session is a misuse, also to its client and in use`() = runTest {
        TestServer(STRICT).use { server ->
            val session = server.session()
            val client = Client(session, baseUrl = server.url)
            session.token()
            session.invalidate()
            server.script("""{"match": {"path": "/oauth/token"}, "hold": "token"}""")
            val underWay = async(start = CoroutineStart.UNDISPATCHED) { session.token() }
            server.log(wait = 1)
            session.close()
            session.close()
            assertFailsWith<RekindleException.Misuse> { session.token() }
            assertFailsWith<RekindleException.Misuse> { session.tokenIfValid() }
            assertFailsWith<RekindleException.Misuse> { session.status() }
            assertFailsWith<RekindleException.Misuse> { session.events().first() }
            assertFailsWith<RekindleException.Misuse> { client.get("/data") }
            assertFailsWith<RekindleException.Misuse> { Client(session) }
            assertEquals("Session(closed)", session.toString())
            server.release("token")
            assertEquals(2, underWay.await().generation)
        }
    }

    @Test
    fun `closing while others ask for the token is a misuse, never a crash`() = runTest {
        TestServer(STRICT).use { server ->
            val sessions = List(20) { server.session().also { it.token() } }
            withContext(Dispatchers.Default) {
                val asking = List(4) {
                    async {
                        sessions.map { session ->
                            var served = 0L
                            val end = runCatching { while (true) served += session.tokenIfValid()!!.generation }
                            end.exceptionOrNull()!!::class
                        }
                    }
                }
                sessions.forEach {
                    it.close()
                    System.gc()
                }
                assertEquals(setOf(RekindleException.Misuse::class), asking.awaitAll().flatten().toSet())
            }
        }
    }

    @Test
    fun `a forgotten session is collected, and what it had under way ends well`() = runTest {
        TestServer(STRICT).use { server ->
            val weak = java.lang.ref.WeakReference(forgotten(server))
            until("it is collected") {
                System.gc()
                weak.get() == null
            }
            assertEquals(1, server.counter("refreshes"))
        }
    }

    private suspend fun forgotten(server: TestServer): Session {
        val session = server.session()
        session.token()
        session.refresh()
        return session
    }

    @Test
    fun `bad settings name themselves`() {
        fun complaint(make: () -> Unit) = assertFailsWith<RekindleException.InvalidConfig> { make() }.message.orEmpty()
        assertTrue("gogle" in complaint { Session(Dialect("gogle")) })
        assertTrue("lease" in complaint { Session(tokenUrl = "https://a.test/t", lease = 1.seconds) })
        assertTrue("waitTimeout" in complaint { Session(tokenUrl = "https://a.test/t", waitTimeout = (-1).seconds) })
        assertTrue("tokenUrl" in complaint { Session(tokenUrl = "http://a.test/t") })
        val both = Credential("AT-1", expiresIn = 1.seconds, expiresAt = java.time.Instant.EPOCH)
        assertTrue("expiresAt" in complaint { Session(tokenUrl = "https://a.test/t", credential = both) })
    }

    @Test
    fun `no text shows a token`() = runTest {
        TestServer(STRICT).use { server ->
            val tokens = server.signIn()
            val session = server.session(tokens)
            val token = session.token()
            val texts = listOf(tokens, session, token, session.status(), session.prometheus(), Header("a", token.value))
            val secrets = listOf(token.value, tokens.refreshToken!!)
            for (text in texts.map { it.toString() }) secrets.forEach { assertFalse(it in text, text) }
        }
    }

    @Test
    fun `there is a class for every kind of error`() {
        val classes = RekindleException::class.java.permittedSubclasses?.map { it.simpleName }?.toSet()
            ?: RekindleException::class.java.declaredClasses.map { it.simpleName }.toSet()
        assertEquals(errorKinds().toSet(), classes - "DefaultImpls")
    }
}
