package dev.rekindle

import dev.rekindle.ffi.ApiAccess
import dev.rekindle.ffi.ApiRequest
import dev.rekindle.ffi.findApi
import java.nio.file.Path
import dev.rekindle.ffi.ClientAuth as NativeClientAuth

/**
 * What a server says of itself (RFC 8414, OpenID Connect), by its issuer, as text: for the `server` of a [Session]. It can be kept.
 *
 * @param transport an HTTP stack of one's own, instead of the built-in one.
 * @param http how the built-in one connects: the session's.
 */
public suspend fun discover(issuer: String, transport: Transport? = null, http: HttpSettings? = null): String = native {
    CallbackThreads.stayAttached()
    dev.rekindle.ffi.discover(issuer, http?.native(), transport?.let { HostTransport(it, Any()) })
}

/**
 * A session that is signed in, from a client id: in a browser on this machine, or, where [show] is given, on another device. A
 * store that holds a sign-in already is used, and nobody is asked. When the session can't be kept alive any more, the user is
 * asked again in the same way, while callers wait.
 *
 * ```kotlin
 * val session = signIn("google", clientId = "...", store = FileStore("google.json"))
 * println(Client(session, baseUrl = "https://www.googleapis.com").get("/oauth2/v3/userinfo").text())
 * ```
 *
 * Not on Android, where the app's own link comes back: `beginSignIn` and `finishSignIn`.
 *
 * @param server a preset's name (`google`), or an issuer (`https://..`), which is asked for its endpoints.
 * @param scope names with spaces between them; without it, the dialect's.
 * @param request what else the sign-in asks for.
 * @param open shows the address; without it, the system's browser is opened. It must not block.
 * @param show tells the user where to go and what to type in (RFC 8628). It must not block.
 */
public suspend fun signIn(
    server: String,
    clientId: String,
    clientSecret: String? = null,
    scope: String? = null,
    store: CredentialStore = MemoryStore(),
    origins: List<String> = emptyList(),
    request: SignInRequest = SignInRequest(),
    http: HttpSettings? = null,
    open: ((String) -> Unit)? = null,
    show: ((DeviceCode) -> Unit)? = null,
): Session {
    val found = if (server.startsWith("https://") || server.startsWith("http://")) discover(server, http = http) else null
    val asked = if (scope == null) request else request.copy(scope = scope)
    val again = Login { it.ask(asked, open, show) }
    val session = Session(
        dialect = Dialect(if (found == null) server else "oauth2"), clientId = clientId, clientSecret = clientSecret,
        store = store, origins = origins, http = http, server = found, login = again,
    )
    return session.signedIn(again)
}

/**
 * A session that is signed in at an API that says itself who signs its users in (RFC 9728), as MCP servers do: the server is
 * found, this client is registered there (RFC 7591), and the user signs in as with [signIn].
 *
 * ```kotlin
 * val session = signInTo("https://mcp.example.com/mcp", name = "My tool", store = FileStore("mcp.json"))
 * ```
 *
 * @param resource the API's address. The token is for its origin.
 * @param name what users see that they let in.
 * @param scope without it, all that the API knows.
 * @param clientId the client's id, where it is registered already.
 * @param keptAt the file that keeps the registration, which may hold a secret (mode 0600): another one would be another
 * client. By default beside the store's file; with another store the client is registered anew each time.
 */
public suspend fun signInTo(
    resource: String,
    name: String,
    scope: String? = null,
    store: CredentialStore = MemoryStore(),
    clientId: String? = null,
    keptAt: Path? = (store as? FileStore)?.let { Path.of("${it.path}.client") },
    request: SignInRequest = SignInRequest(),
    http: HttpSettings? = null,
    open: ((String) -> Unit)? = null,
    show: ((DeviceCode) -> Unit)? = null,
): Session {
    val wanted = ApiRequest(resource, name, request.redirectUri, scope, clientId, keptAt?.toString())
    val found: ApiAccess = native {
        CallbackThreads.stayAttached()
        findApi(wanted, http?.native())
    }
    val asked = request.copy(scope = found.scope ?: request.scope, resource = listOf(found.resource))
    val again = Login { it.ask(asked, open, show) }
    val session = Session(
        clientId = found.clientId, clientSecret = found.clientSecret, clientAuth = found.clientAuth?.told(), store = store,
        origins = listOf(found.origin), http = http, server = found.server, login = again,
    )
    return session.signedIn(again)
}

private suspend fun Session.signedIn(login: Login): Session = apply {
    if (freshStatus().lineage == null) login.signIn(this)
}

private suspend fun Session.ask(request: SignInRequest, open: ((String) -> Unit)?, show: ((DeviceCode) -> Unit)?) =
    if (show == null) signInWithBrowser(request, open) else signInWithDevice(request, show)

private fun NativeClientAuth.told(): ClientAuth = when (this) {
    NativeClientAuth.PUBLIC -> ClientAuth.None
    NativeClientAuth.CLIENT_SECRET_BASIC -> ClientAuth.ClientSecretBasic
    NativeClientAuth.CLIENT_SECRET_POST -> ClientAuth.ClientSecretPost
    NativeClientAuth.CLIENT_SECRET_JWT -> ClientAuth.ClientSecretJwt
    NativeClientAuth.PRIVATE_KEY_JWT -> ClientAuth.PrivateKeyJwt
}
