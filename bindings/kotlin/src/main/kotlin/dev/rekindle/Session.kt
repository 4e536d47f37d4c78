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
 * Keeps one sign-in alive: serves its access token, refreshes it once for everybody, stores what it got.
 *
 * For any number of coroutines and threads. A cancelled coroutine ends its own wait alone: a refresh that it started goes
 * on, and is there for the next caller.
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
 * It may be closed, and need not be: what is forgotten is collected. After [close] every call is a
 * [RekindleException.Misuse]. A refresh or a save that is under way goes on; [shutdown] waits for it.
 */
public class Session private constructor(
    internal val native: FastSession,
    private val inside: Any,
    @Suppress("unused") private val made: Unit,
) : AutoCloseable {
    @Volatile
    internal var isClosed = false
        private set

    /** The token that was served last: it is told by its tag whether it still is what would be served. */
    @Volatile
    private var last: Token? = null

    /**
     * Makes it.
     *
     * @param dialect how the server speaks: a preset such as `Dialect("google")`, a file, or a text.
     * @param tokenUrl where tokens are refreshed; some presets know it.
     * @param clientId the client's id at the server.
     * @param clientSecret its secret, if it has one; an app that is handed out has none.
     * @param credential what to begin with where the store is empty.
     * @param store where the credential is kept.
     * @param origins where the token may go; a client's base URL is added by itself.
     * @param insecureOrigins origins and token endpoints that may be asked without TLS; loopback always may.
     * @param variables what stands in the dialect's URLs: `tenant` and the like.
     * @param rotation what the server does with a used refresh token, where the dialect does not know.
     * @param background whether a token is refreshed shortly before its end, beside its users.
     * @param waitTimeout how long a caller waits for a token at most.
     * @param sendTimeout how long one refresh may take.
     * @param lease how long others with the same store leave a refresh to whoever began it.
     * @param clientAuth how the client says who it is, where it is registered otherwise than the dialect says.
     * @param clientKey signs who the client is (`private_key_jwt`), instead of a secret.
     * @param dpopKey signs that a token is this client's own (DPoP).
     * @param clientCredentials what the client asks for on its own behalf, without a user; it needs no credential.
     * @param requireDpop whether a token that the server did not bind to [dpopKey] is refused (RFC 9449 section 5).
     * @param http TLS, proxy and connections of the built-in HTTP stack, for token requests and for the clients of the session;
     * not with a transport of one's own.
     * @param refresh a refresh of one's own making, instead of the dialect's.
     * @param transport an HTTP stack of one's own, instead of the built-in one.
     * @param onEvent hears each event, in order, on a thread of its own: it may block, and may call the session.
     * @param clock for tests.
     * @param authorizationUrl where users sign in; some presets know it.
     * @param server what the server says of itself, as [discover] gave it.
     * @param pushedRequests whether authorization requests are pushed to the server where it takes that (RFC 9126).
     * @param login signs the user in again where a call would end with LoginRequired: once, while all callers wait.
     * @param loginTimeout how long they wait for it; zero: they get LoginRequired at once, and the sign-in goes on.
     * @throws RekindleException.InvalidConfig naming the setting that makes no sense.
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

    /** One of an app's. */
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
     * A valid access token, with at least [minLife] left if the server's tokens live that long. Waits for a refresh if one
     * is needed.
     */
    public suspend fun token(minLife: Duration? = null): Token =
        // What can be served at once needs no future.
        (if (minLife == null) tokenIfValid() else null)
            ?: Token(calling { native.token(minLife?.crossing("minLife")) })

    /** The access token if it can be served at once. Never waits; for callers that cannot suspend. */
    public fun tokenIfValid(): Token? {
        open()
        val tag = native { native.fastTag() }
        val held = last
        if (held != null && held.tag == tag) return held
        // One that ended is not kept.
        return (if (tag == 0uL) null else native { native.tokenIfValid() }?.let(::Token)).also { last = it }
    }

    /** Refreshes now, or joins the refresh that is under way. */
    public suspend fun refresh(): Token = Token(calling { native.refresh() })

    /** As [refresh], even during a back-off, and once more with a refresh token that the server rejected. */
    public suspend fun forceRefresh(): Token = Token(calling { native.forceRefresh() })

    /** As if the access token had expired: the next caller refreshes it. */
    public fun invalidate() {
        open()
        native { native.invalidate() }
    }

    /**
     * The user signed in: this credential replaces whatever there is, at once; a cancelled caller does not take it back.
     * With `clientCredentials` none is needed.
     *
     * @throws RekindleException.StoreUnavailable if it could not be saved: it is served from memory, and saved when possible.
     */
    public suspend fun signIn(credential: Credential = Credential()): Unit = acting { native.signIn(credential.native()) }

    /**
     * The user signs out: nothing is served from now on, and the store is wiped but for a tombstone; a cancelled caller
     * does not take it back.
     *
     * @throws RekindleException.StoreUnavailable if it could not be wiped: that is tried again as long as the process runs.
     */
    public suspend fun signOut(): Unit = acting { native.signOut() }

    /** How things stand, as far as memory knows. */
    public fun status(): Status {
        open()
        return native { native.status() }.told()
    }

    /** The same after the store has been read, if it was not yet. */
    public suspend fun freshStatus(): Status = acting { native.freshStatus() }.told()

    /** How often things happened, by name. */
    public fun stats(): Map<String, Long> {
        open()
        return native { native.stats() }.mapValues { it.value.toLong() }
    }

    /** The counters in the Prometheus text format. */
    public fun prometheus(): String {
        open()
        return native { native.prometheus() }
    }

    /** What happens from the moment on at which it is collected. It has no end but that of its collector. */
    public fun events(): Flow<Event> = flow {
        open()
        native.events().use { stream ->
            while (true) {
                currentCoroutineContext().ensureActive()
                emit(native { stream.next() }.told())
            }
        }
    }

    /** Whether nothing is under way or unsaved. */
    public val isSettled: Boolean
        get() {
            open()
            return native { native.isSettled() }
        }

    /** Waits for what is under way or unsaved, at most so long; whether nothing is left. The session can be used on. */
    public suspend fun shutdown(most: Duration = 5.seconds): Boolean =
        acting { native.shutdown(most.crossing("most")) }

    /** No further calls. What is under way goes on; the native half goes with the last reference to this. */
    override fun close() {
        isClosed = true
        last = null
    }

    /**
     * The protocol for one request of an HTTP client of your own: what to add to it, and what follows its response. The token
     * goes only to the session's `origins`; a credential that the request has already is left alone.
     */
    public fun call(request: CallRequest): Call {
        open()
        return Call(this, request)
    }

    /**
     * For adapters, as they are made: a session that lists no origin would do nothing in a client of one's own.
     *
     * @throws RekindleException.InvalidConfig where there is none.
     */
    public fun requireOrigins() {
        open()
        native { native.requireOrigins() }
    }

    /** Made for the first call: a session at rest is one of many. */
    internal val targets: Targets get() = known ?: Targets(native).also { known = it }

    @Volatile
    private var known: Targets? = null

    override fun toString(): String = if (isClosed) "Session(closed)" else native { native.toString() }

    internal val mark: Any get() = inside

    internal fun open() {
        if (isClosed) throw closed("session")
    }

    /** A call that may wait for a token. */
    internal suspend inline fun <T> calling(crossinline call: suspend () -> T): T {
        guardLogin { native { native.stateId() } }
        return acting(call)
    }

    /** A call that may wait, and that a login handler may make. */
    internal suspend inline fun <T> acting(crossinline call: suspend () -> T): T {
        open()
        guard(inside)
        return native { call() }
    }
}

/** By the user's own function, and by the log. */
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
            // As Java itself does where an exception has nowhere to go.
            val thread = Thread.currentThread()
            thread.uncaughtExceptionHandler.uncaughtException(thread, thrown)
        }
    }
}
