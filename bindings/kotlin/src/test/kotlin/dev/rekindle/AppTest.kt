package dev.rekindle

import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNotSame
import kotlin.test.assertSame
import kotlin.test.assertTrue

/** Many users: [App]. */
class AppTest {
    private fun app(store: CredentialStore = MemoryStore(), idleSessions: Int = 10_000, onEvent: ((String, Event) -> Unit)? = null) =
        App(
            tokenUrl = "http://127.0.0.1:1/token", clientId = "app", store = store, idleSessions = idleSessions, onEvent = onEvent,
        )

    private fun tokens(user: String) = Credential(accessToken = "AT-$user", refreshToken = "RT-$user")

    // spec 4.11, 7.1
    @Test
    fun `each key is a user`(@TempDir folder: Path) = runBlocking {
        for (store in listOf(MemoryStore(), FolderStore(folder), Records())) {
            val app = app(store)
            for (user in listOf("ada", "bob")) app.session(user).signIn(tokens(user))
            assertEquals(listOf("AT-ada", "AT-bob"), listOf("ada", "bob").map { app.session(it).token().value })
            app.session("ada").signOut()
            assertFailsWith<RekindleException.SignedOut> { app.session("ada").token() }
            assertEquals("AT-bob", app.session("bob").token().value)
            if (store is Records) assertEquals(setOf("ada", "bob"), store.records.keys.toSet())
        }
        val files = Files.list(folder).use { files -> files.map { "${it.fileName}" }.filter { it.endsWith(".json") }.toList() }
        assertEquals(setOf("ada.json", "bob.json"), files.toSet())
    }

    // spec 4.11
    @Test
    fun `it is the same session for the same key`() {
        val app = app()
        val ada = app.session("ada")
        assertSame(ada, app.session("ada"))
        assertSame(ada, app.session("ada", tokens("ada")))
        assertNotSame(ada, app.session("bob"))
        ada.close()
        assertNotSame(ada, app.session("ada"))
    }

    // spec 4.11
    @Test
    fun `idle sessions are let go of and come back from the store`() = runBlocking {
        val app = app(idleSessions = 10)
        for (number in 0 until 50) app.session("user-$number").use { it.signIn(tokens("user-$number")) }
        assertTrue(app.shutdown())
        for (number in 0 until 50) {
            app.session("user-$number").use { assertEquals("AT-user-$number", it.token().value) }
        }
        assertEquals(50L, app.stats()["sign_ins"])
    }

    // spec 4.2
    @Test
    fun `callers of one key share its state`() = runBlocking {
        val app = app()
        app.session("ada").signIn(tokens("ada"))
        val served = coroutineScope { (0 until 20).map { async { app.session("ada").token().value } }.awaitAll() }
        assertEquals(setOf("AT-ada"), served.toSet())
        app.session("ada").invalidate()
        assertEquals(null, app.session("ada").tokenIfValid())
    }

    // spec 10.1
    @Test
    fun `events come with the key`() = runBlocking {
        val told = LinkedBlockingQueue<String>()
        val app = app(onEvent = { key, event -> told.put("$key ${event.name}") })
        app.session("ada").signIn(tokens("ada"))
        app.session("bob").signOut()
        assertEquals(listOf("ada SignedIn", "bob SignedOut"), List(2) { told.poll(30, TimeUnit.SECONDS) })
    }

    // spec 4.2, 7.5
    @Test
    fun `no user gets another's token`() = runBlocking {
        class Keyless : Records() {
            override val identity get() = "a database"

            override suspend fun load(key: String) = super.load("")

            override suspend fun save(key: String, record: ByteArray, expected: Expected) = super.save("", record, expected)
        }
        val app = app(Keyless())
        app.session("ada").signIn(tokens("ada"))
        val error = assertFailsWith<RekindleException.StoreUnavailable> { app.session("bob").token() }
        assertTrue("returned the record of `ada`" in "${error.message}", "$error")

        fun alone(store: Store, user: String?) =
            Session(tokenUrl = "http://127.0.0.1:1/token", clientId = "app", store = store, credential = user?.let(::tokens))
        val stores = List(2) { Keyless() }
        val ada = alone(stores[0], "ada")
        val seed = assertFailsWith<RekindleException.InvalidConfig> { alone(stores[1], "bob") }
        assertTrue("was created with another credential" in "${seed.message}", "$seed")
        assertEquals("AT-ada", ada.token().value)
    }

    @Test
    fun `what makes no sense is told`(@TempDir folder: Path) {
        for (key in listOf("", "a\nb", "x".repeat(1025))) {
            assertFailsWith<RekindleException.InvalidConfig> { app().session(key) }
        }
        val one = assertFailsWith<RekindleException.InvalidConfig> {
            app(FileStore(folder.resolve("session.json"))).session("ada")
        }
        assertTrue("keeps one record" in "${one.message}", "$one")
    }
}

/** What a user might write. */
open class Records : Store {
    val records = HashMap<String, Pair<ByteArray, Long>>()

    override suspend fun load(key: String): Loaded = synchronized(records) {
        records[key]?.let { (record, version) -> Loaded.Present(record, "$version") } ?: Loaded.Absent
    }

    override suspend fun save(key: String, record: ByteArray, expected: Expected): Saved = synchronized(records) {
        val known = records[key]
        val fits = when (expected) {
            Expected.Anything -> true
            Expected.Absent -> known == null
            is Expected.Version -> "${known?.second}" == expected.version
        }
        if (!fits) return Saved.Conflict
        val version = (known?.second ?: 0) + 1
        records[key] = record to version
        Saved.Done("$version")
    }
}
