package dev.rekindle

import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Timeout
import org.slf4j.ILoggerFactory
import org.slf4j.IMarkerFactory
import org.slf4j.Logger
import org.slf4j.Marker
import org.slf4j.event.Level
import org.slf4j.helpers.AbstractLogger
import org.slf4j.helpers.BasicMarkerFactory
import org.slf4j.helpers.MessageFormatter
import org.slf4j.helpers.NOPMDCAdapter
import org.slf4j.spi.MDCAdapter
import org.slf4j.spi.SLF4JServiceProvider
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue

/** Where an application has SLF4J, it hears what happens, without a listener and without a secret. */
@Timeout(300)
class LogTest {
    @Test // spec 10.1
    fun `events go to rekindle's logger, at the level that they are worth`() = runBlocking {
        TestServer(STRICT).use { server ->
            val heard = CopyOnWriteArrayList<String>()
            val app = App(
                tokenUrl = "${server.url}/oauth/token", clientId = "app", clientSecret = "app-secret",
                onEvent = { key, _ -> heard += key },
            )
            // Nobody else's key.
            val session = app.session("log-test")
            val tokens = server.signIn()
            session.signIn(tokens)
            session.refresh()
            server.script("""{"match": {"path": "/oauth/token"}, "respond": {"status": 400, "json": {"error": "invalid_grant"}}}""")
            assertFailsWith<RekindleException.LoginRequired> { session.refresh() }
            until("all of it") { Lines.of("log-test").size >= 6 }
            val lines = Lines.of("log-test")
            val happened = listOf(
                "INFO SignedIn", "DEBUG RefreshStarted", "INFO RefreshSucceeded", "DEBUG RefreshStarted", "WARN LoginRequired",
                "WARN RefreshFailed",
            )
            assertEquals(happened, lines.map { "${it.level} ${it.text.substringBefore(' ')}" })
            assertEquals("RefreshStarted session=log-test generation=1 cause=forced", lines[1].text)
            assertEquals(setOf("rekindle.events"), lines.map { it.logger }.toSet())
            // The application's own function hears them, too.
            until("six events") { heard.size == 6 }
            val secrets = listOf(tokens.accessToken!!, tokens.refreshToken!!)
            Lines.all.forEach { line -> secrets.forEach { assertFalse(it in line.text, line.text) } }
        }
    }

    @Test
    fun `an application without a logging facade is asked for none`() {
        // Only one class of ours names SLF4J's, and it is loaded where they are.
        val classes = LogTest::class.java.classLoader.getResource("dev/rekindle/Session.class")!!
        val folder = java.io.File(classes.toURI()).parentFile
        val naming = folder.listFiles { file -> file.name.endsWith(".class") }!!.filter { "org/slf4j/" in it.readText(Charsets.ISO_8859_1) }
        assertTrue(naming.isNotEmpty() && naming.all { it.name.startsWith("Slf4j") }, "$naming")
    }
}

/** What was logged in this process. */
internal object Lines {
    class Line(val level: Level, val logger: String, val text: String)

    val all = CopyOnWriteArrayList<Line>()

    fun of(key: String): List<Line> = all.filter { "session=$key " in it.text }
}

/** The logging of these tests: `META-INF/services` names it. */
class TestLogging : SLF4JServiceProvider {
    private val markers = BasicMarkerFactory()
    private val mdc = NOPMDCAdapter()

    override fun getLoggerFactory() = ILoggerFactory { TestLogger(it) }

    override fun getMarkerFactory(): IMarkerFactory = markers

    override fun getMDCAdapter(): MDCAdapter = mdc

    override fun getRequestedApiVersion() = "2.0.99"

    override fun initialize() = Unit
}

private class TestLogger(private val known: String) : AbstractLogger(), Logger {
    init {
        name = known
    }

    override fun getFullyQualifiedCallerName(): String? = null

    override fun handleNormalizedLoggingCall(
        level: Level,
        marker: Marker?,
        messagePattern: String,
        arguments: Array<out Any>?,
        throwable: Throwable?,
    ) {
        Lines.all += Lines.Line(level, known, MessageFormatter.basicArrayFormat(messagePattern, arguments))
    }

    private val isOurs get() = known.startsWith("rekindle")

    override fun isTraceEnabled() = false

    override fun isTraceEnabled(marker: Marker?) = false

    override fun isDebugEnabled() = isOurs

    override fun isDebugEnabled(marker: Marker?) = isOurs

    override fun isInfoEnabled() = isOurs

    override fun isInfoEnabled(marker: Marker?) = isOurs

    override fun isWarnEnabled() = isOurs

    override fun isWarnEnabled(marker: Marker?) = isOurs

    override fun isErrorEnabled() = isOurs

    override fun isErrorEnabled(marker: Marker?) = isOurs
}
