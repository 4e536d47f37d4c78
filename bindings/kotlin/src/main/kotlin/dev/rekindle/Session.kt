package dev.rekindle

import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlin.time.Duration
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import dev.rekindle.ffi.EventListener as NativeListener

/**
 * Keeps one sign-in alive: serves its access token, refreshes the token once for all callers, and stores the result.
 *
 * Safe for concurrent use by any number of coroutines and threads. Cancelling a coroutine ends only its own wait: a refresh
 * that it started continues, and its token is served to the next caller.
 *
 * ```kotlin
 * val session = Session(
 *     tokenUrl = "https://auth.example.com/oauth/token",
 *     clientId = "app",
 *     credential = Credential(accessToken = "...", refreshToken = "..."),
 *     store = FileStore("session.json"),
 * )
 * val token = session.token()
 * ```
 *
 * Closing it is optional: an unreachable session is garbage-collected. After [close] every call throws
 * [RekindleException.Misuse]. A refresh or save in progress continues; [shutdown] waits for it.
 */
public class Session private constructor(
    internal val native: FastSession,
    private val inside: Any,
    @Suppress("unused") private val made: Unit,
) : AutoCloseable {
    @Volatile
    internal var isClosed = false
        private set

    /** The token that was served last. It is served again if the current token has the same tag. */
    @Volatile
    private var last: Token? = null

    /**
     * Creates a session. Sends and reads nothing yet.
     *
     * @param dialect the server's protocol: a preset such as `Dialect("google")`, a file, or TOML text.
     * @param tokenUrl the token endpoint; some presets include it.
     * @param clientId the client id that is registered at the server.
     * @param clientSecret the client secret, if there is one. Apps that are distributed to users have none.
     * @param credential the first credential, used if the store is empty.
     * @param store where the credential is kept.
     * @param origins the origins that may receive the token. A client's base URL is added automatically.
     * @param insecureOrigins origins and token endpoints that may be requested without TLS; loopback always may.
     * @param variables values for the variables in the dialect's URLs, such as `tenant`.
     * @param rotation what the server does with a used refresh token, if the dialect does not say.
     * @param background whether a token is refreshed in the background shortly before it expires.
     * @param waitTimeout the longest that a caller waits for a token.
     * @param sendTimeout the longest that one refresh request may take.
     * @param lease how long other users of the store wait for a refresh that this process has started.
     * @param clientAuth how the client authenticates at the token endpoint, if it differs from the dialect.
     * @param clientKey the key that signs client assertions (`private_key_jwt`), instead of a secret.
     * @param dpopKey the key that signs DPoP proofs (RFC 9449).
     * @param clientCredentials the client credentials grant: tokens for the client itself, without a user or a credential.
     * @param requireDpop whether a token that the server did not bind to [dpopKey] is refused (RFC 9449 section 5).
     * @param http TLS, proxy and connection settings of the built-in HTTP stack, for token requests and for the session's
     * clients. Not allowed with `transport`.
     * @param refresh your own refresh function, instead of the dialect's request.
     * @param transport your own HTTP stack, instead of the built-in one.
     * @param onEvent receives each event, in order, on a thread of its own. It may block and may call the session.
     * @param clock a manual clock, for tests.
     * @param authorizationUrl the authorization endpoint; some presets include it.
     * @param server the server's metadata, as returned by [discover].
     * @param pushedRequests whether authorization requests are pushed, if the server supports it (RFC 9126).
     * @param login signs the user in again when a call would fail with LoginRequired: once, while all callers wait.
     * @param loginTimeout how long callers wait for [login]. Zero: they get LoginRequired immediately, and the sign-in continues.
     * @throws RekindleException.InvalidConfig a setting is invalid; the message names it.
     */
    public constructor(
        dialect: Dialect = Dialect("oauth2"),
        tokenUrl: String? = null,
        clientId: String? = null,
        clientSecret: String? = null,
        credential: Credential? = null,
        store: CredentialStore = MemoryStore(),
        origins: List<String> = emptyList(),
        insecureOrigins: List<String> = emptyList(),
        variables: Map<String, String> = emptyMap(),
        rotation: Rotation? = null,
        background: Boolean = true,
        waitTimeout: Duration = 30.seconds,
        sendTimeout: Duration = 60.seconds,
        lease: Duration = 90.seconds,
        clientAuth: ClientAuth? = null,
        clientKey: SigningKey? = null,
        dpopKey: SigningKey? = null,
        clientCredentials: ClientCredentials? = null,
        requireDpop: Boolean = true,
        http: HttpSettings? = null,
        refresh: Refresh? = null,
        transport: Transport? = null,
        onEvent: ((Event) -> Unit)? = null,
        clock: ManualClock? = null,
        authorizationUrl: String? = null,
        server: String? = null,
        pushedRequests: Boolean = true,
        login: Login? = null,
        loginTimeout: Duration = 5.minutes,
    ) : this(
        SessionSettings(
            dialect, tokenUrl, clientId, clientSecret, clientAuth, credential, origins, insecureOrigins, variables,
            rotation, background, waitTimeout, sendTimeout, lease, clientKey, dpopKey, clientCredentials,
            requireDpop, http, authorizationUrl, server, pushedRequests, loginTimeout,
        ),
        store, refresh, transport, onEvent, clock, Any(), login,
    )

    /** A session of an app. */
    internal constructor(native: FastSession, inside: Any) : this(native, inside, Unit)

    internal constructor(
        settings: SessionSettings,
        store: CredentialStore,
        refresh: Refresh?,
        transport: Transport?,
        onEvent: ((Event) -> Unit)?,
        clock: ManualClock?,
        inside: Any,
        login: Login? = null,
    ) : this(
        native {
            FastSession(
                settings.native(),
                store.native(inside),
                transport?.let { HostTransport(it, inside) },
                refresh?.let { HostRefresh(it, inside) },
                heard(onEvent)?.let(::listener),
                clock?.native,
                login?.let { HostLogin(it, inside) },
            )
        },
        inside,
        Unit,
    ) {
        Ending.seesOut(this, native)
    }

    /**
     * Returns a valid access token, with a remaining lifetime of at least [minLife] if the server's tokens live that long.
     * Waits for a refresh if one is needed.
     */
    public suspend fun token(minLife: Duration? = null): Token =
        // A valid token needs no native future.
        (if (minLife == null) tokenIfValid() else null)
            ?: Token(calling { native.token(minLife?.crossing("minLife")) })

    /** Returns the access token if it is valid, without waiting; `null` otherwise. For callers that cannot suspend. */
    public fun tokenIfValid(): Token? {
        open()
        val tag = native { native.fastTag() }
        val held = last
        if (held != null && held.tag == tag) return held
        // An expired token is not kept.
        return (if (tag == 0uL) null else native { native.tokenIfValid() }?.let(::Token)).also { last = it }
    }

    /** Refreshes now, or joins the refresh in progress, and returns the new token. */
    public suspend fun refresh(): Token = Token(calling { native.refresh() })

    /** As [refresh], but also during a back-off, and once more with a refresh token that the server rejected. */
    public suspend fun forceRefresh(): Token = Token(calling { native.forceRefresh() })

    /** Marks the access token as expired: the next caller refreshes it. */
    public fun invalidate() {
        open()
        native { native.invalidate() }
    }

    /**
     * Replaces the current credential by that of a new sign-in. Takes effect immediately; cancelling the caller does not undo it.
     * With `clientCredentials` no credential is needed.
     *
     * @throws RekindleException.StoreUnavailable the credential could not be saved. It is served from memory, and saving is retried.
     */
    public suspend fun signIn(credential: Credential = Credential()): Unit = acting { native.signIn(credential.native()) }

    /**
     * Signs the user out: no token is served any more, and the stored credential is replaced by a tombstone. Cancelling the
     * caller does not undo it.
     *
     * @throws RekindleException.StoreUnavailable the store could not be written. Writing is retried while the process runs.
     */
    public suspend fun signOut(): Unit = acting { native.signOut() }

    /** The session's status, from memory. */
    public fun status(): Status {
        open()
        return native { native.status() }.told()
    }

    /** The session's status. Reads the store first, if it has not been read yet. */
    public suspend fun freshStatus(): Status = acting { native.freshStatus() }.told()

    /** The counters, by name. */
    public fun stats(): Map<String, Long> {
        open()
        return native { native.stats() }.mapValues { it.value.toLong() }
    }

    /** The counters in the Prometheus text format. */
    public fun prometheus(): String {
        open()
        return native { native.prometheus() }
    }

    /** The events from the moment that the flow is collected. It never completes by itself. */
    public fun events(): Flow<Event> = flow {
        open()
        native.events().use { stream ->
            while (true) {
                currentCoroutineContext().ensureActive()
                emit(native { stream.next() }.told())
            }
        }
    }

    /** Whether no work is in progress and nothing is unsaved. */
    public val isSettled: Boolean
        get() {
            open()
            return native { native.isSettled() }
        }

    /** Waits at most this long for work in progress and unsaved credentials. Returns whether all is done. The session stays usable. */
    public suspend fun shutdown(most: Duration = 5.seconds): Boolean =
        acting { native.shutdown(most.crossing("most")) }

    /** Closes the session: further calls throw [RekindleException.Misuse]. Work in progress continues. */
    override fun close() {
        isClosed = true
        last = null
    }

    /**
     * Starts the protocol for one request of your own HTTP client: which headers to add, and what to do after the response. The
     * token is sent only to the session's `origins`. A request that already has a credential is not signed.
     */
    public fun call(request: CallRequest): Call {
        open()
        return Call(this, request)
    }

    /**
     * Checks that the session lists an origin. Adapters call it when they are created, because without an origin no request
     * would be signed.
     *
     * @throws RekindleException.InvalidConfig the session lists no origin.
     */
    public fun requireOrigins() {
        open()
        native { native.requireOrigins() }
    }

    /** Created at the first call, because an idle session may be one of many. */
    internal val targets: Targets get() = known ?: Targets(native).also { known = it }

    @Volatile
    private var known: Targets? = null

    override fun toString(): String = if (isClosed) "Session(closed)" else native { native.toString() }

    internal val mark: Any get() = inside

    internal fun open() {
        if (isClosed) throw closed("session")
    }

    /** A native call that may wait for a token. */
    internal suspend inline fun <T> calling(crossinline call: suspend () -> T): T {
        guardLogin { native { native.stateId() } }
        return acting(call)
    }

    /** A native call that may wait, and that a login handler may make. */
    internal suspend inline fun <T> acting(crossinline call: suspend () -> T): T {
        open()
        guard(inside)
        return native { call() }
    }
}

/** The listener that calls the user's function and the log. */
private fun heard(own: ((Event) -> Unit)?): ((Event) -> Unit)? {
    val log = Log.events ?: return own
    return { event ->
        log("default", event)
        own?.invoke(event)
    }
}

private fun listener(call: (Event) -> Unit) = object : NativeListener {
    override fun onEvent(event: dev.rekindle.ffi.Event) {
        try {
            call(event.told())
        } catch (thrown: Throwable) {
            // As the JVM does with uncaught exceptions.
            val thread = Thread.currentThread()
            thread.uncaughtExceptionHandler.uncaughtException(thread, thrown)
        }
    }
}
