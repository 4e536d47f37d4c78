package dev.rekindle

import java.lang.ref.ReferenceQueue
import java.lang.ref.WeakReference
import java.util.concurrent.ConcurrentHashMap
import kotlin.time.Duration
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import dev.rekindle.ffi.App as NativeApp
import dev.rekindle.ffi.AppListener as NativeListener

/**
 * Keeps the sign-ins of many users alive, with one configuration, one transport and one store.
 *
 * ```kotlin
 * val app = App(tokenUrl = "https://auth.example.com/oauth/token", clientId = "app", store = FolderStore("sessions"))
 * app.session("user-42").signIn(Credential(accessToken = "...", refreshToken = "..."))
 *
 * // in each request of that user's
 * val token = app.session("user-42").token()
 * ```
 *
 * Sessions that nobody holds are let go of, but for those that were used last, and come back from the store. It need not be
 * closed: what is forgotten is collected.
 */
public class App internal constructor(internal val native: NativeApp, private val inside: Any) {
    private val sessions = ConcurrentHashMap<String, Known>()
    private val collected = ReferenceQueue<Session>()

    /**
     * Makes it. Each parameter is that of [Session], but for
     *
     * @param store keeps a record for each key: a [FolderStore], or one of your own; by default this process' memory.
     * @param idleSessions how many sessions that nobody holds stay in memory, those that were used last.
     * @param onEvent hears each event and the key of its session, in order, on a thread of its own.
     * @throws RekindleException.InvalidConfig naming the setting that makes no sense.
     */
    public constructor(
        dialect: Dialect = Dialect("oauth2"),
        tokenUrl: String? = null,
        clientId: String? = null,
        clientSecret: String? = null,
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
        idleSessions: Int = 10_000,
        onEvent: ((key: String, event: Event) -> Unit)? = null,
        clock: ManualClock? = null,
        authorizationUrl: String? = null,
        server: String? = null,
        pushedRequests: Boolean = true,
        login: Login? = null,
        loginTimeout: Duration = 5.minutes,
    ) : this(
        SessionSettings(
            dialect, tokenUrl, clientId, clientSecret, clientAuth, null, origins, insecureOrigins, variables,
            rotation, background, waitTimeout, sendTimeout, lease, clientKey, dpopKey, clientCredentials,
            requireDpop, http, authorizationUrl, server, pushedRequests, loginTimeout,
        ),
        store, refresh, transport, idleSessions, onEvent, clock, Any(), login,
    )

    private constructor(
        settings: SessionSettings,
        store: CredentialStore,
        refresh: Refresh?,
        transport: Transport?,
        idleSessions: Int,
        onEvent: ((String, Event) -> Unit)?,
        clock: ManualClock?,
        inside: Any,
        login: Login?,
    ) : this(
        native {
            CallbackThreads.stayAttached()
            NativeApp(
                settings.native(),
                store.native(inside),
                idleSessions.coerceAtLeast(1).toUInt(),
                transport?.let { HostTransport(it, inside) },
                refresh?.let { HostRefresh(it, inside) },
                heard(onEvent)?.let(::listener),
                clock?.native,
                login?.let { HostLogin(it, inside) },
            )
        },
        inside,
    ) {
        Ending.seesOut(this, native)
    }

    /**
     * The session of that key, the same one for the same key. Nothing is read or sent yet.
     *
     * @param key what you call a user by: 1 to 1,024 bytes of text.
     * @param credential what to begin with, where the store has none.
     * @throws RekindleException.InvalidConfig the key is none, the store keeps one record only, or the session is in use and
     * began with another credential.
     */
    public fun session(key: String, credential: Credential? = null): Session {
        forgetCollected()
        val known = sessions[key]?.get()?.takeUnless { it.isClosed }
        if (known != null && credential == null) return known
        val made = native { native.session(key, credential?.native()) }.use { FastSession(it) }
        if (known != null) return known
        val session = Session(made, inside)
        val kept = sessions.compute(key) { _, other ->
            if (other?.get()?.isClosed == false) other else Known(key, session, collected)
        }
        return kept?.get() ?: session
    }

    /** As a session's, for a user who is not known yet. */
    public suspend fun beginSignIn(request: SignInRequest): BegunSignIn {
        guard(inside)
        return native { BegunSignIn(native.beginSignIn(request.native())) }
    }

    /**
     * As a session's; it gives the session of the one who signed in.
     *
     * @param key what they are called here; without it, their `sub` in the ID token, for which the scope needs `openid`.
     * @throws RekindleException.InvalidConfig before anything is sent, where nothing says who it is.
     */
    public suspend fun finishSignIn(pending: String, callback: String, key: String? = null): Session {
        guard(inside)
        return session(native { native.finishSignIn(pending, callback, key) })
    }

    /** The keys of all who are signed in, in order. The store must be able to tell its keys: memory and folders are. */
    public suspend fun accounts(): List<String> {
        guard(inside)
        return native { native.accounts() }
    }

    /** How many sessions are in memory: those that somebody holds, and those that were used last. */
    public val sessionsInMemory: Int get() = native { native.sessionsInMemory() }.toInt()

    /** How often things happened, by name, in all sessions together, also in those that were let go of. */
    public fun stats(): Map<String, Long> = native { native.stats() }.mapValues { it.value.toLong() }

    /** The counters in the Prometheus text format. */
    public fun prometheus(): String = native { native.prometheus() }

    /** Whether nothing is under way or unsaved, in all sessions. */
    public val isSettled: Boolean get() = native { native.isSettled() }

    /** Waits for what is under way or unsaved, at most so long; whether nothing is left. The app can be used on. */
    public suspend fun shutdown(most: Duration = 5.seconds): Boolean {
        guard(inside)
        return native { native.shutdown(most.crossing("most")) }
    }

    override fun toString(): String = native { native.toString() }

    private fun forgetCollected() {
        while (true) {
            val gone = collected.poll() as? Known ?: return
            sessions.remove(gone.key, gone)
        }
    }

    /** A session that somebody may hold. */
    private class Known(val key: String, session: Session, queue: ReferenceQueue<Session>) :
        WeakReference<Session>(session, queue)
}

/** By the user's own function, and by the log. */
private fun heard(own: ((String, Event) -> Unit)?): ((String, Event) -> Unit)? {
    val log = Log.events ?: return own
    return if (own == null) log else { key, event -> log(key, event).also { own(key, event) } }
}

private fun listener(call: (String, Event) -> Unit) = object : NativeListener {
    override fun onEvent(key: String, event: dev.rekindle.ffi.Event) {
        try {
            call(key, event.told())
        } catch (thrown: Throwable) {
            // As Java itself does where an exception has nowhere to go.
            val thread = Thread.currentThread()
            thread.uncaughtExceptionHandler.uncaughtException(thread, thrown)
        }
    }
}
