package dev.rekindle.apollo

import com.apollographql.apollo.ApolloClient
import com.apollographql.apollo.api.http.HttpHeader
import com.apollographql.apollo.api.http.HttpMethod
import dev.rekindle.Dialect
import dev.rekindle.FileStore
import dev.rekindle.RekindleException
import dev.rekindle.Session
import dev.rekindle.testkit.OtherProcess
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.Tokens
import dev.rekindle.testkit.boundSession
import dev.rekindle.testkit.claims
import dev.rekindle.testkit.session
import dev.rekindle.testkit.wantsNonce
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import kotlin.system.exitProcess
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

@Timeout(300)
class ApolloTest {
    private val server = TestServer("""{"dialect": "graphql", "rotation": "strict_family"}""")

    @Test
    fun `an error with status 200 is refreshed once and the query replayed`() = ran {
        val apollo = client(session())
        val answers = List(20) { async(Dispatchers.Default) { apollo.query(Pupils()).execute() } }.awaitAll()
        assertEquals(emptyList(), answers.flatMap { it.codes })
        answers.forEach { assertNotNull(it.data) }
        assertEquals(listOf(1L, 20L), listOf(server.count("refresh_requests"), server.count("accepted")))
    }

    @Test
    fun `a mutation that was turned away as a whole is replayed once`() = ran {
        assertNotNull(client(session()).mutation(Add()).execute().data)
        assertEquals(listOf(1L, 1L), listOf(server.count("refreshes"), server.count("side_effects")))
    }

    @Test
    fun `a mutation with data in its answer is not replayed`() = ran {
        server.play(PARTLY.replace("remove", "mutation"))
        val answer = client(session()).mutation(Add()).execute()
        assertEquals(listOf<Any?>("UNAUTHENTICATED"), answer.codes)
        assertEquals(1, server.log().count { "mutation Add" in it.body })
    }

    @Test
    fun `of a request that holds a hash alone it is known whether it is a query`() = ran {
        val apollo = ApolloClient.Builder().serverUrl(server.url)
            .autoPersistedQueries(HttpMethod.Post).addRekindle(session()).build()
        server.play(PARTLY, PARTLY)
        apollo.query(Pupils()).execute()
        assertEquals(2, server.log().count { "remove-pupils-hash" in it.body })
        server.expireAll()
        server.play(PARTLY, PARTLY)
        apollo.mutation(Add()).execute()
        assertEquals(1, server.log().count { "remove-add-hash" in it.body })
    }

    @Test
    fun `a credential of the caller's own and another origin are left alone`() = ran {
        val other = TestServer("""{"dialect": "graphql"}""")
        other.use {
            val session = session()
            client(session, other.url).query(Pupils()).execute()
            assertNull(other.log().single().authorization)
            client(session).query(Pupils()).httpHeaders(listOf(HttpHeader("Authorization", "Basic abc"))).execute()
            assertEquals(listOf("Basic abc"), server.log().map { it.authorization })
        }
    }

    @Test // spec 9.5
    fun `a token that would follow a redirect to elsewhere is not sent`() = ran {
        val dialect = Dialect.toml("name = \"own-header\"\n[token]\nheader = \"X-Token\"\nscheme = \"\"\n")
        val tokens = server.signIn()
        val session = session(server, tokens, dialect)
        val refused = client(session).query(Pupils()).execute().exception?.cause
        assertTrue("x-token" in assertIs<RekindleException.InvalidConfig>(refused).message.orEmpty(), refused.message)
        assertEquals(0, server.log().size)
        server.play("""{"match": {"body_contains": "Pupils"}, "respond": {"json": {"data": {"pupils": []}}}}""")
        ApolloClient.Builder().serverUrl(server.url).addRekindle(session, withoutRedirects = true).build()
            .query(Pupils()).execute()
        assertEquals(listOf(tokens.access), server.log().map { it.headers["x-token"] })
    }

    @Test // spec 9.4, 9.5
    fun `a proof that would follow a redirect to elsewhere is not sent`() = ran {
        val refused = client(boundSession(server), server.url).query(Pupils()).execute().exception?.cause
        assertTrue("dpop" in assertIs<RekindleException.InvalidConfig>(refused).message.orEmpty(), refused.message)
        assertEquals(0, server.log().size)
    }

    @Test
    fun `a session's error is the cause of the response's`() = ran {
        val session = session()
        session.signOut()
        val answer = client(session).query(Pupils()).execute()
        assertIs<RekindleException.SignedOut>(answer.exception?.cause)
    }

    @Test
    fun `each send has a proof of its own and the nonce is heard`() = TestServer().use { server ->
        server.play(wantsNonce("/graphql"), """{"match": {"path": "/graphql"}, "respond": {"json": {"data": {"pupils": []}}}}""")
        val apollo = ApolloClient.Builder().serverUrl("${server.url}/graphql")
            .addRekindle(boundSession(server), withoutRedirects = true).build()
        val answer = runBlocking { apollo.query(Pupils()).execute() }
        assertEquals(null, answer.exception)
        val claims = server.log().map { it.claims() }
        assertEquals(2, claims.toSet().size)
        assertTrue("\"nonce\":\"n-1\"" in claims[1], claims[1])
    }

    @Test
    fun `a cancelled query ends at once and its refresh goes on`() = ran {
        server.play(HELD_REFRESH)
        val apollo = client(session())
        val leader = CoroutineScope(Dispatchers.Default).launch { apollo.query(Pupils()).execute() }
        server.logOf(2)
        leader.cancelAndJoin()
        server.release("refresh")
        assertNotNull(apollo.query(Pupils()).execute().data)
        assertOneRefresh()
    }

    @Test
    fun `a late refusal is replayed without a second refresh`() = ran {
        server.play("""{"match": {"body_contains": "Add"}, "hold": "late"}""")
        val apollo = client(session())
        val late = async(Dispatchers.Default) { apollo.mutation(Add()).execute() }
        server.logOf(1)
        assertNotNull(apollo.query(Pupils()).execute().data)
        server.release("late")
        assertNotNull(late.await().data)
        assertOneRefresh()
    }

    @Test
    fun `a sign-out during a refresh wins`() = ran {
        server.play(HELD_REFRESH)
        val session = session()
        val waiting = async(Dispatchers.Default) { client(session).query(Pupils()).execute() }
        server.logOf(2)
        session.signOut()
        assertIs<RekindleException.SignedOut>(waiting.await().exception?.cause)
        server.release("refresh")
        session.shutdown()
        assertNull(session.tokenIfValid())
        assertEquals(0, server.count("accepted"))
    }

    @Test
    fun `a hung refresh ends in a deadline and its answer is not lost`() = ran {
        server.play(HELD_REFRESH)
        val session = session(waitTimeout = 300.milliseconds)
        assertIs<RekindleException.Timeout>(client(session).query(Pupils()).execute().exception?.cause)
        server.release("refresh")
        session.shutdown()
        assertNotNull(client(session).query(Pupils()).execute().data)
        assertOneRefresh()
    }

    @Test
    fun `two processes on one file make one refresh`(@TempDir folder: Path) = ran {
        server.knobs("""{"token_latency_ms": 300}""")
        server.play("""{"match": {"body_contains": "Pupils"}, "barrier": 2}""")
        val tokens = server.expired()
        val words = arrayOf(server.url, folder.resolve("session.json").toString(), tokens.access, tokens.refresh)
        val others = List(2) { OtherProcess("dev.rekindle.apollo.OneQuery", *words) }
        assertEquals(listOf("true", "true"), others.map { it.said() })
        assertOneRefresh()
    }

    private fun client(session: Session) = client(session, server.url)

    private fun session(waitTimeout: Duration = 30.seconds) =
        session(server, dialect = Dialect("graphql"), tokenPath = "", waitTimeout = waitTimeout)

    private fun assertOneRefresh() =
        assertEquals(listOf(1L, 0L), listOf(server.count("refresh_requests"), server.count("families_revoked")))

    private fun ran(run: suspend CoroutineScope.() -> Unit) = server.use { runBlocking { run() } }

    private companion object {
        const val HELD_REFRESH = """{"match": {"body_contains": "refreshToken("}, "hold": "refresh"}"""
        const val PARTLY = """{"match": {"body_contains": "remove"}, "respond": {"json":
            {"data": {"add": true}, "errors": [{"message": "no", "extensions": {"code": "UNAUTHENTICATED"}}]}}}"""
    }
}

internal fun client(session: Session, url: String): ApolloClient =
    ApolloClient.Builder().serverUrl(url).addRekindle(session).build()

/** Another process: one query with the session in that file. */
object OneQuery {
    @JvmStatic
    fun main(words: Array<String>) {
        val (url, file, access, refresh) = words
        val session = session(url, Tokens(access, refresh), Dialect("graphql"), tokenPath = "", store = FileStore(file))
        println(runBlocking { client(session, url).query(Pupils()).execute().data != null })
        exitProcess(0)
    }
}
