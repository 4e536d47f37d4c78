package dev.rekindle.conformance

import dev.rekindle.Client
import dev.rekindle.ClientAuth
import dev.rekindle.Credential
import dev.rekindle.Dialect
import dev.rekindle.Event
import dev.rekindle.FileStore
import dev.rekindle.TokenResponse
import dev.rekindle.ManualClock
import dev.rekindle.MemoryStore
import dev.rekindle.ClientCredentials
import dev.rekindle.Refresh
import dev.rekindle.RefreshNotSentException
import dev.rekindle.RekindleException
import dev.rekindle.Rotation
import dev.rekindle.Session
import dev.rekindle.SessionSettings
import dev.rekindle.text
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.double
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import java.nio.file.Files
import java.nio.file.Path
import java.time.Instant
import java.util.concurrent.ConcurrentLinkedQueue
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

/** A case makes no sense, or something is not as it says. */
class Complaint(message: String) : Exception(message)

/** An HTTP client that keeps a session by an adapter. It sends a case's requests instead of our own client. */
interface Through : AutoCloseable {
    /** Sends what the operation says to this URL: what came of it. */
    suspend fun send(results: Results, url: String, operation: JsonObject): JsonObject
}

/** A session with what was heard of it. */
class Kept(
    val session: Session,
    val client: Client,
    val life: Life,
    val heard: ConcurrentLinkedQueue<Event>,
    val through: Through?,
)

/** Where a case is played: its servers, its clock, its store and its sessions. */
class Stage(case: JsonObject, private val adapter: ((Session) -> Through)? = null) : AutoCloseable {
    val server = Server(case["server"] as? JsonObject)
    val other = (case["other"] as? JsonObject)?.let(::Server)
    val clock = ManualClock()
    val store = Shared()
    val case: JsonObject = named(case)
    val complaints = ConcurrentLinkedQueue<String>()
    val results = Results { complaints += it }
    val sessions = LinkedHashMap<String, Kept>()
    private val folder: Path = Files.createTempDirectory("rekindle-conformance")
    val path: Path = folder.resolve("session.json")

    init {
        server.play((this.case["server"] as? JsonObject)?.get("steps"))
        other?.play((this.case["other"] as? JsonObject)?.get("steps"))
    }

    fun session(name: String): Kept = sessions[name] ?: throw Complaint("there is no session `$name`")

    /** Makes a session of the case's settings and these. */
    fun make(name: String, with: JsonObject) {
        val settings = JsonObject((case["session"] as? JsonObject).orEmpty() + with)
        val life = Life()
        val heard = ConcurrentLinkedQueue<Event>()
        lateinit var session: Session
        val refresh = (settings["refresh_with"] as? JsonArray)?.let { scripted(it) { session } }
        val store = when (settings.text("store") ?: "memory") {
            "memory" -> MemoryStore()
            "file" -> FileStore(path)
            else -> ScriptedStore(store, life)
        }
        session = Session(described(settings), store, refresh, null, { heard += it }, clock, Any())
        val client = client(session, settings["client"] as? JsonObject ?: JsonObject(emptyMap()))
        sessions[name] = Kept(session, client, life, heard, adapter?.invoke(session))
    }

    /** The model's sign-in, or `AT-1` and `RT-1`. */
    fun usual(): Credential = if (server.hasModel) server.signIn() else Credential("AT-1", "RT-1")

    private fun described(settings: JsonObject) = SessionSettings(
        dialect = when (val dialect = settings["dialect"]) {
            null -> Dialect("oauth2")
            is JsonObject -> Dialect.toml(dialect.text("toml")!!)
            else -> Dialect(dialect.jsonPrimitive.content)
        },
        tokenUrl = settings.text("token_url") ?: "${server.url}/token",
        clientId = if ("client_id" in settings) settings.text("client_id") else "app",
        clientSecret = settings.text("client_secret"),
        clientAuth = settings.text("client_auth")?.let(::clientAuth),
        credential = when (val written = settings["credential"]) {
            null -> usual()
            is JsonObject -> credential(written)
            else -> null
        },
        origins = texts(settings["origins"]) ?: listOf(server.url),
        insecureOrigins = texts(settings["insecure_origins"]).orEmpty(),
        variables = strings(settings["variables"]),
        rotation = settings["rotation"]?.let(::rotation),
        background = settings.flag("background") ?: true,
        waitTimeout = settings.ms("wait_ms"),
        sendTimeout = settings.ms("send_ms"),
        lease = settings.ms("lease_ms"),
        clientCredentials = (settings["client_credentials"] as? JsonObject)?.let {
            ClientCredentials(
                it.text("scope"), it.text("audience"), texts(it["resource"]).orEmpty(), strings(it["parameters"]),
            )
        },
        alone = settings.flag("same_process") != true,
    )

    private fun client(session: Session, settings: JsonObject) = Client(
        session,
        // A base URL is listed by itself; adapters list none.
        baseUrl = server.url.takeIf { adapter == null },
        headers = strings(settings["headers"]),
        timeout = settings.ms("timeout_ms") ?: 60.seconds,
        maxRedirects = settings["max_redirects"]?.jsonPrimitive?.int ?: 10,
        maxSends = settings["max_sends"]?.jsonPrimitive?.int ?: 3,
        graphqlPath = settings.text("graphql_path") ?: "/graphql",
    )

    /** Puts the servers' addresses where their names stand. */
    private fun named(value: JsonObject): JsonObject = name(value).jsonObject

    private fun name(value: JsonElement): JsonElement = when (value) {
        is JsonObject -> JsonObject(value.mapValues { name(it.value) })
        is JsonArray -> JsonArray(value.map(::name))
        is JsonPrimitive -> if (value.isString) JsonPrimitive(name(value.content)) else value
    }

    private fun name(text: String): String =
        text.replace("{server}", server.url).let { if (other == null) it else it.replace("{other}", other.url) }

    override fun close() {
        sessions.values.forEach { it.through?.close() }
        server.close()
        other?.close()
        folder.toFile().deleteRecursively()
    }
}

fun credential(written: JsonObject) = Credential(
    written.text("access_token"),
    written.text("refresh_token"),
    written["expires_in"]?.jsonPrimitive?.double?.coerceAtLeast(0.0)?.seconds,
    written["expires_at_ms"]?.jsonPrimitive?.long?.let(Instant::ofEpochMilli),
    written["refresh_token_expires_at_ms"]?.jsonPrimitive?.long?.let(Instant::ofEpochMilli),
    written.text("scope"),
    written.text("token_type"),
)

private fun clientAuth(name: String): ClientAuth = when (name) {
    "none" -> ClientAuth.None
    "client_secret_basic" -> ClientAuth.ClientSecretBasic
    "client_secret_post" -> ClientAuth.ClientSecretPost
    else -> throw Complaint("there is no client_auth $name")
}

private fun rotation(written: JsonElement): Rotation {
    if (written is JsonObject) return Rotation.Grace(written["grace_seconds"]!!.jsonPrimitive.long.seconds)
    return when (val name = written.jsonPrimitive.content) {
        "none" -> Rotation.None
        "until-successor-used" -> Rotation.UntilSuccessorUsed
        "strict" -> Rotation.Strict
        "strict-family" -> Rotation.StrictFamily
        "sometimes" -> Rotation.Sometimes
        "unknown" -> Rotation.Unknown
        else -> throw Complaint("there is no rotation $name")
    }
}

/** Gives its results one after the other. */
private fun scripted(results: JsonArray, session: () -> Session): Refresh {
    val left = ConcurrentLinkedQueue(results)
    return Refresh {
        val next = left.poll()?.jsonObject ?: throw IllegalStateException("the script has ended")
        if (next.flag("calls_back") == true) {
            val refused = runCatching { session().token() }.exceptionOrNull() is RekindleException.Misuse
            check(refused) { "the session let its own refresh function wait for it" }
        }
        when (next.text("error")) {
            null -> {}
            "login_required" -> throw RekindleException.LoginRequired()
            "not_sent" -> throw RefreshNotSentException("as scripted")
            else -> throw IllegalStateException("as scripted")
        }
        TokenResponse(next.text("access_token"), next.text("refresh_token"), next["expires_in"]?.jsonPrimitive?.double?.seconds)
    }
}

fun JsonObject.flag(name: String): Boolean? = (get(name) as? JsonPrimitive)?.booleanOrNull

fun JsonObject.ms(name: String): Duration? = (get(name) as? JsonPrimitive)?.long?.milliseconds

private fun texts(value: JsonElement?): List<String>? = (value as? JsonArray)?.map { it.jsonPrimitive.content }

fun strings(value: JsonElement?): Map<String, String> =
    (value as? JsonObject).orEmpty().mapValues { it.value.jsonPrimitive.content }
