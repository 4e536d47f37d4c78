package dev.rekindle.testkit

import dev.rekindle.Credential
import dev.rekindle.CredentialStore
import dev.rekindle.Dialect
import dev.rekindle.MemoryStore
import dev.rekindle.Session
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/** A model that revokes everything when a refresh token comes twice. */
const val STRICT: String = """{"dialect": "json", "rotation": "strict_family"}"""

/** A step of a script: the refresh waits until `refresh` is released. */
const val HELD_REFRESH: String = """{"match": {"path": "/refresh"}, "hold": "refresh"}"""

/** A session that is signed in at this server; its access token has ended. */
fun session(
    server: TestServer,
    tokens: Tokens = server.expired(),
    dialect: Dialect = Dialect("json"),
    tokenPath: String = "/refresh",
    store: CredentialStore = MemoryStore(),
    waitTimeout: Duration = 30.seconds,
): Session = session(server.url, tokens, dialect, tokenPath, store, waitTimeout)

/** The same, where the server is another process's. */
fun session(
    url: String,
    tokens: Tokens,
    dialect: Dialect = Dialect("json"),
    tokenPath: String = "/refresh",
    store: CredentialStore = MemoryStore(),
    waitTimeout: Duration = 30.seconds,
): Session = Session(
    dialect = dialect,
    tokenUrl = url + tokenPath,
    credential = Credential(accessToken = tokens.access, refreshToken = tokens.refresh),
    origins = listOf(url),
    store = store,
    waitTimeout = waitTimeout,
)
