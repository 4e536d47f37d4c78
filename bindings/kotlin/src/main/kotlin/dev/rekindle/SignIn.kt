package dev.rekindle

import dev.rekindle.ffi.ListenerFailure
import dev.rekindle.ffi.LoginFailure
import dev.rekindle.ffi.BegunSignIn as NativeBegun
import dev.rekindle.ffi.DeviceCode as NativeDeviceCode
import dev.rekindle.ffi.Login as NativeLogin
import dev.rekindle.ffi.Proof as NativeProof
import dev.rekindle.ffi.Session as NativeSession
import dev.rekindle.ffi.SignInDisplay as NativeDisplay
import dev.rekindle.ffi.SignInRequest as NativeRequest

/** The parameters of a sign-in. Defaults come from the dialect or the server. */
public data class SignInRequest(
    /** The registered redirect URI. Not needed with a browser on this machine. */
    val redirectUri: String? = null,
    /** `scope`, space-separated. */
    val scope: String? = null,
    /** `resource`: the URLs of the APIs that the tokens are for (RFC 8707). */
    val resource: List<String> = emptyList(),
    /** `audience`, for servers that support it. */
    val audience: String? = null,
    /** `prompt`: `login`, `consent`, `select_account`, `none`. */
    val prompt: String? = null,
    /** `login_hint`: the user who is likely to sign in. */
    val loginHint: String? = null,
    /** `acr_values` (RFC 9470). */
    val acrValues: String? = null,
    /** `max_age`, in seconds. */
    val maxAge: Long? = null,
    /** `claims`, as JSON. */
    val claims: String? = null,
    /** The path of the application to show after the sign-in. */
    val returnTo: String? = null,
    /** Further parameters of the authorization request. */
    val parameters: Map<String, String> = emptyMap(),
) {
    internal fun native() = NativeRequest(
        redirectUri, scope, resource, audience, prompt, loginHint, acrValues,
        maxAge?.let { if (it < 0) throw negative() else it.toULong() },
        claims, returnTo, parameters,
    )

    private fun negative() =
        RekindleException.InvalidConfig("maxAge must not be negative", ErrorDetails(argument = "maxAge"))

    /** Omits the hint and the values of parameters, which may identify the user. */
    override fun toString(): String = "SignInRequest(redirectUri=$redirectUri, scope=$scope, parameters=${parameters.keys})"
}

/** A sign-in that has begun. [toString] shows neither the URL's query nor [pending]. */
public class BegunSignIn internal constructor(native: NativeBegun) {
    /** The authorization URL to open in a browser. */
    public val url: String = native.url

    /**
     * The state of the sign-in, as text, to pass to `finishSignIn` when the browser returns. Keep it where it survives the process
     * (saved instance state, a server-side session). It is a secret, because it contains the PKCE verifier.
     */
    public val pending: String = native.pending

    /** The redirect URI that the browser returns to. */
    public val redirectUri: String = native.redirectUri

    override fun toString(): String = "BegunSignIn(${url.substringBefore('?')})"
}

/** The URL to visit on another device, and the code to enter there (RFC 8628). */
public data class DeviceCode(
    /** The URL to visit. */
    val verificationUri: String,
    /** The code to enter. */
    val userCode: String,
    /** The URL with the code in it, for a QR code or a link. */
    val verificationUriComplete: String?,
) {
    internal constructor(native: NativeDeviceCode) : this(native.verificationUri, native.userCode, native.verificationUriComplete)
}

/** A proof of who the user is, to sign in without asking the user. [toString] shows only its kind. */
public sealed class Proof(internal val native: NativeProof) {
    /** Another token, of this or another server (token exchange, RFC 8693). */
    public class Token(
        subjectToken: String,
        subjectTokenType: String = "urn:ietf:params:oauth:token-type:access_token",
        audience: String? = null,
        resource: List<String> = emptyList(),
        scope: String? = null,
    ) : Proof(NativeProof.Token(subjectToken, subjectTokenType, audience, resource, scope))

    /** An assertion signed by an issuer that the server trusts (RFC 7523). */
    public class Assertion(assertion: String, scope: String? = null) : Proof(NativeProof.Assertion(assertion, scope))

    /** A user name and password, for your own server whose dialect has a section `[password]`. */
    public class Password(username: String, password: String, scope: String? = null) :
        Proof(NativeProof.Password(username, password, scope))

    override fun toString(): String = "Proof.${javaClass.simpleName}"
}

/**
 * Signs a session in again, once for all waiting callers. It must not request a token of that session before it has signed the
 * session in; that throws [RekindleException.Misuse].
 */
public fun interface Login {
    /** Signs the session in. What it throws is the exception that callers get, or its cause. */
    public suspend fun signIn(session: Session)
}

/** Begins a sign-in with an authorization code and PKCE. Returns the URL to open, and the state to keep until the browser returns. */
public suspend fun Session.beginSignIn(request: SignInRequest): BegunSignIn =
    acting { BegunSignIn(native.beginSignIn(request.native())) }

/**
 * Finishes a sign-in with the URL that the browser returned to. The authorization code is sent once. A callback that does not
 * belong to this sign-in is rejected and changes nothing. Cancelling the caller changes nothing either: the tokens are received
 * and saved.
 *
 * @param pending [BegunSignIn.pending].
 * @param callback the whole URL that the browser returned to.
 * @throws RekindleException.InvalidResponse the callback does not belong to this sign-in.
 * @throws RekindleException.Misuse the sign-in was finished before, or was begun by another application.
 * @throws RekindleException.LoginRequired the sign-in failed, for the reason in the message: begin a new one.
 */
public suspend fun Session.finishSignIn(pending: String, callback: String): Unit =
    acting { native.finishSignIn(pending, callback) }

/**
 * Signs in with a browser on this machine. A receiver on loopback waits for the browser for at most five minutes. Not for
 * Android, where the browser returns by an app link: use [beginSignIn] and [finishSignIn] there.
 *
 * @param open opens the URL, instead of the system's browser. It must not block.
 * @throws RekindleException.Timeout the browser did not return in time.
 */
public suspend fun Session.signInWithBrowser(request: SignInRequest = SignInRequest(), open: ((String) -> Unit)? = null): Unit =
    acting { native.signInWithBrowser(request.native(), open?.let { Display(open = it) }) }

/**
 * Signs in on another device, for machines without a browser.
 *
 * @param show shows the user the URL to visit and the code to enter. It must not block.
 * @throws RekindleException.LoginRequired the user refused, or did not finish in time.
 */
public suspend fun Session.signInWithDevice(request: SignInRequest = SignInRequest(), show: (DeviceCode) -> Unit): Unit =
    acting { native.signInWithDevice(request.native(), Display(show = show)) }

/** Signs in with a [Proof] of who the user is. */
public suspend fun Session.signInWith(proof: Proof): Unit = acting { native.signInWith(proof.native) }

/**
 * Signs out as [Session.signOut], and asks the server to revoke the tokens (RFC 7009).
 *
 * @return whether the server revoked them; `null` if it has no revocation endpoint.
 */
public suspend fun Session.signOutAndRevoke(): Boolean? = acting { native.signOutAndRevoke() }

/** The server's identifier of the signed-in user: `sub` of the ID token, if the scope contained `openid`. */
public val Session.subject: String?
    get() {
        open()
        return native { native.subject() }
    }

private class Display(private val open: (String) -> Unit = {}, private val show: (DeviceCode) -> Unit = {}) : NativeDisplay {
    override fun showAddress(url: String) = told { open(url) }

    override fun showDeviceCode(code: NativeDeviceCode) = told { show(DeviceCode(code)) }

    private fun told(call: () -> Unit) {
        try {
            call()
        } catch (thrown: Throwable) {
            // As the JVM does with uncaught exceptions.
            val thread = Thread.currentThread()
            thread.uncaughtExceptionHandler.uncaughtException(thread, thrown)
            throw ListenerFailure.Failed()
        }
    }
}

internal class HostLogin(private val login: Login, private val inside: Any) : NativeLogin {
    override suspend fun signIn(session: NativeSession) {
        val own = Session(FastSession(session), inside)
        signing(native { session.stateId() }, ::failure) { login.signIn(own) }
    }

    private fun failure(thrown: Throwable): Exception = when (thrown) {
        // Its message contains no secrets.
        is RekindleException -> LoginFailure.Failed(thrown.kind, thrown.message.orEmpty(), null)
        else -> LoginFailure.Failed(null, "the login handler threw ${thrown.javaClass.simpleName}", Thrown.keep(thrown))
    }
}
