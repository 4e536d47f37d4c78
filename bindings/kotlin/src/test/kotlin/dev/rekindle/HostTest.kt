package dev.rekindle

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.test.runTest
import java.io.IOException
import java.net.ConnectException
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/** One record, and what goes wrong with it. */
internal open class OneRecord : Store {
    private val lock = Mutex()
    private var kept: ByteArray? = null
    private var version = 0
    val saves = AtomicInteger()

    override suspend fun load(key: String): Loaded = lock.withLock {
        kept?.let { Loaded.Present(it, "$version") } ?: Loaded.Absent
    }

    override suspend fun save(key: String, record: ByteArray, expected: Expected): Saved = lock.withLock {
        val fits = when (expected) {
            Expected.Anything -> true
            Expected.Absent -> kept == null
            is Expected.Version -> kept != null && expected.version == "$version"
        }
        if (!fits) return Saved.Conflict
        kept = record
        version += 1
        saves.incrementAndGet()
        Saved.Done("$version")
    }
}

class HostTest {
    @Test
    fun `a store of one's own is read and written`() = runTest {
        TestServer(STRICT).use { server ->
            val store = OneRecord()
            val session = server.session(store = store)
            session.token()
            session.refresh()
            assertTrue(session.shutdown())
            val again = server.session(Credential("AT-other", "RT-other"), store = store)
            assertEquals(2, again.token().generation)
            assertTrue(store.saves.get() > 0)
        }
    }

    @Test
    fun `a store that throws is unavailable, whatever it throws, and its text is not told`() = runTest {
        val thrown = listOf(IllegalStateException("SECRET"), AssertionError("SECRET"), NotImplementedError("SECRET"),
            kotlinx.coroutines.CancellationException("SECRET"))
        for (what in thrown) {
            TestServer(STRICT).use { server ->
                val session = server.session(store = object : OneRecord() {
                    override suspend fun load(key: String): Loaded = throw what
                })
                val error = assertFailsWith<RekindleException.StoreUnavailable>(what.toString()) { session.token() }
                assertFalse("SECRET" in "$error ${error.details.debug}", error.toString())
                assertTrue(what.javaClass.simpleName in error.message!!, error.message)
                assertTrue(error.isRetryable)
            }
        }
    }

    @Test
    fun `a store that says Unavailable is told with its reason, and signs nobody out`() = runTest {
        TestServer(STRICT).use { server ->
            var locked = true
            val session = server.session(store = object : OneRecord() {
                override suspend fun load(key: String): Loaded =
                    if (locked) Loaded.Unavailable("the keystore is locked") else super.load(key)
            })
            val error = assertFailsWith<RekindleException.StoreUnavailable> { session.token() }
            assertTrue("the keystore is locked" in error.message!!, error.message)
            locked = false
            assertEquals(1, session.token().generation)
        }
    }

    @Test
    fun `a store that hangs is unavailable after five seconds, and its save still ends`() = runTest {
        TestServer(STRICT).use { server ->
            val clock = ManualClock()
            val begun = CompletableDeferred<Unit>()
            val goOn = CompletableDeferred<Unit>()
            var hangs = false
            val store = object : OneRecord() {
                override suspend fun save(key: String, record: ByteArray, expected: Expected): Saved {
                    if (hangs) {
                        begun.complete(Unit)
                        goOn.await()
                    }
                    return super.save(key, record, expected)
                }
            }
            val session = server.session(store = store, clock = clock)
            session.token()
            session.shutdown()
            val before = store.saves.get()
            hangs = true
            val caller = async(start = CoroutineStart.UNDISPATCHED) { runCatching { session.signIn(server.signIn()) } }
            begun.await()
            // Another timer may come first, or the store's be set a moment later.
            until("the cap") {
                clock.advanceToTimer(5.seconds)
                caller.isCompleted
            }
            assertTrue(caller.await().exceptionOrNull() is RekindleException.StoreUnavailable)
            assertEquals(before, store.saves.get())
            hangs = false
            goOn.complete(Unit)
            until("the save that had begun") { store.saves.get() > before }
        }
    }

    @Test
    fun `a transport that throws is a lost answer or no answer, never a crash`() = runTest {
        TestServer(STRICT).use { server ->
            val thrown = listOf(ConnectException("SECRET"), IOException("SECRET"), AssertionError("SECRET"),
                TransportException("as it says", maybeSent = false))
            for (what in thrown) {
                val session = server.session()
                val client = Client(session, server.url, maxSends = 1, transport = { throw what })
                val error = assertFailsWith<RekindleException.Connection>(what.toString()) { client.get("/data") }
                assertFalse("SECRET" in "$error ${error.details.debug}", error.toString())
            }
        }
    }

    @Test
    fun `a transport that talks nonsense is an error too`() = runTest {
        TestServer(STRICT).use { server ->
            val answers = listOf(
                TransportResponse(99999), TransportResponse(-1), TransportResponse(7),
            )
            for (answer in answers) {
                val session = server.session()
                val client = Client(session, server.url, maxSends = 1, transport = { answer })
                val error = assertFailsWith<RekindleException.Connection>(answer.toString()) { client.get("/data") }
                assertTrue("the transport gave" in error.message!!, error.message)
            }
        }
    }

    /** The rest of the response may hold the new tokens. */
    @Test
    fun `what is no header is left out`() = runTest {
        TestServer(STRICT).use { server ->
            val headers = listOf(Header("not a name", "x"), Header("a", "line\nbreak"), Header("b", "c"))
            val client = Client(server.session(), server.url, maxSends = 1, transport = { TransportResponse(200, headers) })
            val response = client.get("/data")
            assertEquals(listOf<String?>(null, "c"), listOf(response.headers["a"], response.headers["b"]))
        }
    }

    @Test
    fun `refreshes go through a transport of one's own`() = runTest {
        TestServer(STRICT).use { server ->
            val asked = AtomicInteger()
            val session = server.session(transport = { request ->
                asked.incrementAndGet()
                assertTrue(request.freshConnection)
                assertFalse(String(request.body!!) in request.toString())
                val json = """{"access_token": "AT-2", "token_type": "Bearer", "expires_in": 900}"""
                TransportResponse(
                    200, listOf(Header("content-type", "application/json")), ResponseBody.Bytes(json.encodeToByteArray()),
                )
            })
            session.token()
            assertEquals("AT-2", session.refresh().value)
            assertEquals(1, asked.get())
        }
    }

    /** The client's own, or what is left of it; a refresh's is the session's. */
    @Test
    fun `a transport is told how long its caller waits`() = runTest {
        TestServer(STRICT).use { server ->
            val told = mutableListOf<Duration?>()
            val transport = Transport { request ->
                told += request.timeout
                TransportResponse(200)
            }
            val session = server.session(transport = transport)
            val client = Client(session, server.url, timeout = 40.seconds, transport = transport)
            client.get("/data")
            client.get("/data", timeout = 3600.seconds)
            assertFailsWith<RekindleException> { session.refresh() }
            assertTrue(told[0]!! in 0.seconds..40.seconds && told[1]!! in 40.seconds..3600.seconds, "$told")
            assertEquals(60.seconds, told[2])
        }
    }

    @Test
    fun `a transport that hangs is cancelled with its caller`() = runTest {
        TestServer(STRICT).use { server ->
            val begun = CompletableDeferred<Unit>()
            val cancelled = CompletableDeferred<Unit>()
            val client = Client(server.session(), server.url, transport = {
                begun.complete(Unit)
                try {
                    awaitCancellation()
                } finally {
                    cancelled.complete(Unit)
                }
            })
            val caller = launch(start = CoroutineStart.UNDISPATCHED) { client.get("/data") }
            begun.await()
            caller.cancelAndJoin()
            cancelled.await()
        }
    }

    @Test
    fun `a body of the transport's is read to its end, and let go when it is given up`() = runTest {
        TestServer(STRICT).use { server ->
            val released = AtomicInteger()
            val client = Client(server.session(), server.url, transport = {
                var pieces = 3
                TransportResponse(200, body = ResponseBody.Stream(object : BodySource {
                    override suspend fun next(): ByteArray? = if (pieces-- > 0) "piece".encodeToByteArray() else null

                    override fun release() {
                        released.incrementAndGet()
                    }
                }))
            })
            assertEquals("piecepiecepiece", client.get("/data").text())
            until("it is let go") { released.get() == 1 }
            client.stream("GET", "/data") { }
            until("it is let go unread") { released.get() == 2 }
        }
    }

    @Test
    fun `a refresh function says what became of the refresh token by what it throws`() = runTest {
        TestServer(STRICT).use { server ->
            suspend fun failing(thrown: Throwable, times: Int = 1): Pair<RekindleException, Int> {
                val clock = ManualClock()
                val asked = AtomicInteger()
                val session = server.session(clock = clock, refresh = {
                    asked.incrementAndGet()
                    throw thrown
                })
                session.token()
                val error = async { assertFailsWith<RekindleException>(thrown.toString()) { session.refresh() } }
                until("the end of it") {
                    clock.advanceToTimer(5.seconds)
                    error.isCompleted
                }
                assertEquals(times, asked.get(), thrown.toString())
                assertFalse("SECRET" in "${error.await()} ${error.await().details.debug}")
                return error.await() to asked.get()
            }
            assertEquals("LoginRequired", failing(RekindleException.LoginRequired()).first.kind)
            // Not sent: the same again, three times.
            val (unsent, _) = failing(RefreshNotSentException("no service is known"), times = 3)
            assertTrue(unsent.message!!.startsWith("no service is known: "), unsent.message)
            // Nobody knows: once more, as the rotation allows. Even what is no Exception is no hang.
            for (thrown in listOf(IllegalStateException("SECRET"), IOException("SECRET"), NotImplementedError("SECRET"))) {
                val (error, _) = failing(thrown, times = 2)
                assertEquals("RefreshFailed", error.kind)
                val begins = "the refresh function threw ${thrown.javaClass.simpleName}: "
                assertTrue(error.message!!.startsWith(begins), error.message)
                // Coroutines may give a copy with the stack trace of both sides, whose cause is the original.
                assertTrue(thrown in generateSequence(error.cause) { it.cause }, error.cause.toString())
            }
            assertEquals("RefreshFailed", failing(RekindleException.Connection("SECRET"), times = 2).first.kind)
            val session = server.session(refresh = { TokenResponse("AT-2", "RT-2", lifetime = 60.seconds) })
            assertEquals("AT-2", session.refresh().value)
        }
    }

    @Test
    fun `a lost answer of a refresh function is what the rotation makes of it`() = runTest {
        TestServer(STRICT).use { server ->
            val asked = AtomicInteger()
            val session = Session(
                tokenUrl = server.url, credential = server.signIn(), rotation = Rotation.Grace(30.seconds),
                refresh = { if (asked.incrementAndGet() == 1) throw IOException("SECRET") else TokenResponse("AT-2") },
            )
            session.token()
            assertEquals("AT-2", session.refresh().value)
            assertEquals(2, asked.get())
        }
    }

    @Test
    fun `a refresh token without an access token is kept`() = runTest {
        TestServer(STRICT).use { server ->
            val seen = mutableListOf<String?>()
            val session = server.session(refresh = { input ->
                seen += input.refreshToken
                if (seen.size == 1) TokenResponse(null, "RT-9") else TokenResponse("AT-9")
            })
            session.token()
            assertFailsWith<RekindleException.ClientRejected> { session.refresh() }
            assertEquals("AT-9", session.forceRefresh().value)
            assertEquals("RT-9", seen.last())
        }
    }

    @Test
    fun `a client asks for tokens on its own behalf`() = runTest {
        TestServer(STRICT).use { server ->
            val requests = mutableListOf<TransportRequest>()
            val session = Session(
                tokenUrl = "${server.url}/token", clientId = "service", clientSecret = "SECRET",
                clientCredentials = ClientCredentials(scope = "read", parameters = mapOf("soid" to "7")),
                transport = granting(requests),
            )
            assertEquals("AT-2", session.token().value)
            val expected = "grant_type=client_credentials&scope=read&client_id=service&client_secret=SECRET&soid=7"
            assertEquals(listOf(expected), requests.map { String(it.body!!) })
            session.signOut()
            assertFailsWith<RekindleException.SignedOut> { session.token() }
            session.signIn()
            assertEquals("AT-2", session.token().value)
        }
    }

    @Test // spec 5.5
    fun `a client says who it is as its settings say`() = runTest {
        val sent = ClientAuth.entries.filter { it != ClientAuth.PrivateKeyJwt }.associateWith { auth ->
            val requests = mutableListOf<TransportRequest>()
            val session = Session(
                tokenUrl = "https://auth.example.com/token", clientId = "app", clientSecret = "s", clientAuth = auth,
                credential = Credential("AT-1", "RT-1"), transport = granting(requests),
            )
            assertEquals("AT-2", session.refresh().value)
            val request = requests.single()
            val authorization = request.headers.firstOrNull { it.name == "authorization" }?.value
            authorization to String(request.body!!).substringAfter("refresh_token=RT-1")
        }
        assertEquals(null to "&client_id=app", sent[ClientAuth.None])
        assertEquals("Basic YXBwOnM=" to "", sent[ClientAuth.ClientSecretBasic])
        assertEquals(null to "&client_id=app&client_secret=s", sent[ClientAuth.ClientSecretPost])
        val keyless = assertFailsWith<RekindleException.InvalidConfig> {
            App(tokenUrl = "https://auth.example.com/token", clientId = "app", clientAuth = ClientAuth.PrivateKeyJwt)
        }
        assertTrue("clientKey" in keyless.message!!, keyless.message)
    }

    private fun granting(requests: MutableList<TransportRequest>) = Transport { request ->
        requests += request
        val json = """{"access_token": "AT-2", "expires_in": 900}"""
        TransportResponse(200, listOf(Header("content-type", "application/json")), ResponseBody.Bytes(json.encodeToByteArray()))
    }

    @Test
    fun `what serves a session must not wait for it`() = runTest {
        TestServer(STRICT).use { server ->
            lateinit var session: Session
            val told = CompletableDeferred<Throwable?>()
            session = server.session(refresh = {
                told.complete(runCatching { session.refresh() }.exceptionOrNull())
                TokenResponse("AT-2")
            })
            session.token()
            assertEquals("AT-2", session.refresh().value)
            val misuse = told.await()
            assertTrue(misuse is RekindleException.Misuse, misuse.toString())
        }
    }
}
