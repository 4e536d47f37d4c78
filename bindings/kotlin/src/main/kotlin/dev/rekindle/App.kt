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
 * Sessions that are not referenced are released, except for those used most recently, and are loaded from the store when
 * needed again. Apps need no closing: an unreachable app is garbage-collected.
 */
public class App internal constructor(internal val native: NativeApp, private val inside: Any) {
    private val sessions = ConcurrentHashMap<String, Known>()
    private val collected = ReferenceQueue<Session>()

    /**
     * Creates an app. The other parameters are those of [Session].
     *
     * @param store keeps a record for each key: a [FolderStore] or your own [Store]; by default this process's memory.
     * @param idleSessions how many unreferenced sessions stay in memory: those that were used most recently.
     * @param onEvent receives each event with the key of its session, in order, on a thread of its own.
     * @throws RekindleException.InvalidConfig a setting is invalid; the message names it.
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
     * Returns the session of this key: the same object for the same key while it is referenced. Reads and sends nothing yet.
     *
     * @param key your name for the user: 1 to 1,024 bytes of text.
     * @param credential the first credential, used if the store has none for this key.
     * @throws RekindleException.InvalidConfig the key is invalid, the store keeps only one record, or the session is in use and
     * was created with another credential.
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

    /** As [Session.beginSignIn], for a user whose key is not known yet. */
    public suspend fun beginSignIn(request: SignInRequest): BegunSignIn {
        guard(inside)
        return native { BegunSignIn(native.beginSignIn(request.native())) }
    }

    /**
     * As [Session.finishSignIn], and returns the session of the user who signed in.
     *
     * @param key the user's key; by default `sub` of the ID token, for which the scope must contain `openid`.
     * @throws RekindleException.InvalidConfig there is neither a key nor `openid` in the scope. Nothing was sent.
     */
    public suspend fun finishSignIn(pending: String, callback: String, key: String? = null): Session {
        guard(inside)
        return session(native { native.finishSignIn(pending, callback, key) })
    }

    /** The keys of all signed-in users, sorted. The store must be able to list its keys, as [MemoryStore] and [FolderStore] are. */
    public suspend fun accounts(): List<String> {
        guard(inside)
        return native { native.accounts() }
    }

    /** The number of sessions in memory: referenced ones, and those used most recently. */
    public val sessionsInMemory: Int get() = native { native.sessionsInMemory() }.toInt()

    /** The counters by name, summed over all sessions, including released ones. */
    public fun stats(): Map<String, Long> = native { native.stats() }.mapValues { it.value.toLong() }

    /** The counters in the Prometheus text format. */
    public fun prometheus(): String = native { native.prometheus() }

    /** Whether no work is in progress and nothing is unsaved, in any session. */
    public val isSettled: Boolean get() = native { native.isSettled() }

    /** Waits at most this long for work in progress and unsaved credentials. Returns whether all is done. The app stays usable. */
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

    /** A session that may still be referenced. */
    private class Known(val key: String, session: Session, queue: ReferenceQueue<Session>) :
        WeakReference<Session>(session, queue)
}

/** The listener that calls the user's function and the log. */
private fun heard(own: ((String, Event) -> Unit)?): ((String, Event) -> Unit)? {
    val log = Log.events ?: return own
    return if (own == null) log else { key, event -> log(key, event).also { own(key, event) } }
}

private fun listener(call: (String, Event) -> Unit) = object : NativeListener {
    override fun onEvent(key: String, event: dev.rekindle.ffi.Event) {
        try {
            call(key, event.told())
        } catch (thrown: Throwable) {
            // As the JVM does with uncaught exceptions.
            val thread = Thread.currentThread()
            thread.uncaughtExceptionHandler.uncaughtException(thread, thrown)
        }
    }
}
