package dev.rekindle.ktor

import dev.rekindle.Credential
import dev.rekindle.CredentialStore
import dev.rekindle.Dialect
import dev.rekindle.MemoryStore
import dev.rekindle.Session
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.Tokens
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

internal const val STRICT = """{"dialect": "json", "rotation": "strict_family"}"""
internal const val HELD_REFRESH = """{"match": {"path": "/refresh"}, "hold": "refresh"}"""

internal fun session(
    server: TestServer,
    tokens: Tokens = server.expired(),
    dialect: Dialect = Dialect("json"),
    tokenPath: String = "/refresh",
    store: CredentialStore = MemoryStore(),
    waitTimeout: Duration = 30.seconds,
) = Session(
    dialect = dialect,
    tokenUrl = server.url + tokenPath,
    credential = Credential(accessToken = tokens.access, refreshToken = tokens.refresh),
    origins = listOf(server.url),
    store = store,
    waitTimeout = waitTimeout,
)

internal fun client(kept: Session): HttpClient = HttpClient(CIO) {
    install(Rekindle) { session = kept }
}

/** In real time, for the servers are real; JUnit wants to see nothing come back. */
internal fun test(run: suspend CoroutineScope.() -> Unit) = runBlocking { run() }
