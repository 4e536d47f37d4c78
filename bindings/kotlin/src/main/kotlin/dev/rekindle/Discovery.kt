package dev.rekindle

import dev.rekindle.ffi.ApiAccess
import dev.rekindle.ffi.ApiRequest
import dev.rekindle.ffi.findApi
import java.nio.file.Path
import dev.rekindle.ffi.ClientAuth as NativeClientAuth

/**
 * Fetches a server's metadata (RFC 8414, OpenID Connect Discovery) by its issuer. The result is text for the `server` of a
 * [Session], and can be stored.
 *
 * @param transport your own HTTP stack, instead of the built-in one.
 * @param http connection settings of the built-in stack.
 */
public suspend fun discover(issuer: String, transport: Transport? = null, http: HttpSettings? = null): String = native {
    CallbackThreads.stayAttached()
    dev.rekindle.ffi.discover(issuer, http?.native(), transport?.let { HostTransport(it, Any()) })
}

/**
 * Signs the user in and returns the session: in a browser on this machine or, if [show] is given, on another device. If the
 * store already holds a sign-in, that is used without asking the user. When the sign-in expires for good, the user is asked
 * again in the same way, while callers wait.
 *
 * ```kotlin
 * val session = signIn("google", clientId = "...", store = FileStore("google.json"))
 * println(Client(session, baseUrl = "https://www.googleapis.com").get("/oauth2/v3/userinfo").text())
 * ```
 *
 * Not for Android, where the browser returns by an app link: use `beginSignIn` and `finishSignIn` there.
 *
 * @param server a preset's name (`google`), or an issuer (`https://..`), whose metadata is fetched.
 * @param scope space-separated; by default the dialect's.
 * @param request further parameters of the sign-in.
 * @param open opens the URL, instead of the system's browser. It must not block.
 * @param show shows the user the URL to visit and the code to enter (RFC 8628). It must not block.
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
 * Signs the user in to an API that publishes its authorization server (RFC 9728), as MCP servers do, and returns the session:
 * finds the authorization server, registers this client there (RFC 7591), and signs the user in as [signIn] does.
 *
 * ```kotlin
 * val session = signInTo("https://mcp.example.com/mcp", name = "My tool", store = FileStore("mcp.json"))
 * ```
 *
 * @param resource the API's URL. The token is sent to its origin.
 * @param name the client name that users see when they are asked for consent.
 * @param scope by default all scopes that the API lists.
 * @param clientId the client id, if this client is already registered.
 * @param keptAt the file that keeps the registration (mode 0600; it may contain a secret). By default next to a [FileStore]'s
 * file; with other stores the client is registered again each time.
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
