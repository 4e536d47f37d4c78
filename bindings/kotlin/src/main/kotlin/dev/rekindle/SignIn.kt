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

/** What a sign-in asks for. What is left out is the dialect's, or the server's own. */
public data class SignInRequest(
    /** Where the browser comes back to, as the client is registered. With a browser on this machine it may be left out. */
    val redirectUri: String? = null,
    /** `scope`: names with spaces between them. */
    val scope: String? = null,
    /** `resource`: the URLs of what the tokens are for (RFC 8707). */
    val resource: List<String> = emptyList(),
    /** `audience`, where the server knows it. */
    val audience: String? = null,
    /** `prompt`: `login`, `consent`, `select_account`, `none`. */
    val prompt: String? = null,
    /** Who is likely to sign in. */
    val loginHint: String? = null,
    /** `acr_values` (RFC 9470). */
    val acrValues: String? = null,
    /** `max_age`, in seconds. */
    val maxAge: Long? = null,
    /** `claims`, as JSON. */
    val claims: String? = null,
    /** Where the application's own user goes afterwards: a path of its own. */
    val returnTo: String? = null,
    /** Further parameters, as the server wants them. */
    val parameters: Map<String, String> = emptyMap(),
) {
    internal fun native() = NativeRequest(
        redirectUri, scope, resource, audience, prompt, loginHint, acrValues,
        maxAge?.let { if (it < 0) throw negative() else it.toULong() },
        claims, returnTo, parameters,
    )

    private fun negative() =
        RekindleException.InvalidConfig("maxAge must not be negative", ErrorDetails(argument = "maxAge"))

    /** Neither the hint nor values of parameters: they may say who it is. */
    override fun toString(): String = "SignInRequest(redirectUri=$redirectUri, scope=$scope, parameters=${parameters.keys})"
}

/** A sign-in that has begun. Its text shows neither the address' query nor what is kept. */
public class BegunSignIn internal constructor(native: NativeBegun) {
    /** Where the browser goes. */
    public val url: String = native.url

    /**
     * What must be known when the browser comes back, as text: it survives the process where it is kept (saved instance state,
     * a server-side session). A secret: it holds the PKCE verifier.
     */
    public val pending: String = native.pending

    /** Where the browser comes back to. */
    public val redirectUri: String = native.redirectUri

    override fun toString(): String = "BegunSignIn(${url.substringBefore('?')})"
}

/** Where the user goes on another device, and what is typed in there (RFC 8628). */
public data class DeviceCode(
    /** Where to go. */
    val verificationUri: String,
    /** What to type in. */
    val userCode: String,
    /** The address with the code in it, for a QR code or a link. */
    val verificationUriComplete: String?,
) {
    internal constructor(native: NativeDeviceCode) : this(native.verificationUri, native.userCode, native.verificationUriComplete)
}

/** What stands for the user already. Its text shows its kind alone. */
public sealed class Proof(internal val native: NativeProof) {
    /** Another token, of this or another server (RFC 8693). */
    public class Token(
        subjectToken: String,
        subjectTokenType: String = "urn:ietf:params:oauth:token-type:access_token",
        audience: String? = null,
        resource: List<String> = emptyList(),
        scope: String? = null,
    ) : Proof(NativeProof.Token(subjectToken, subjectTokenType, audience, resource, scope))

    /** An assertion that somebody signed who is trusted there (RFC 7523). */
    public class Assertion(assertion: String, scope: String? = null) : Proof(NativeProof.Assertion(assertion, scope))

    /** A name and a password, for a server of one's own whose dialect has a section `[password]`. */
    public class Password(username: String, password: String, scope: String? = null) :
        Proof(NativeProof.Password(username, password, scope))

    override fun toString(): String = "Proof.${javaClass.simpleName}"
}

/**
 * Signs a session in again, once for all callers who wait. It must not ask that session for a token before it has signed it
 * in: that is a [RekindleException.Misuse].
 */
public fun interface Login {
    /** Signs it in. What it throws is what callers get, or the cause of it. */
    public suspend fun signIn(session: Session)
}

/** Begins a sign-in with an authorization code and PKCE: where the browser goes, and what is kept until it comes back. */
public suspend fun Session.beginSignIn(request: SignInRequest): BegunSignIn =
    acting { BegunSignIn(native.beginSignIn(request.native())) }

/**
 * Ends a sign-in with the address that the browser came back with. The code is spent once; a callback that is not this
 * sign-in's is refused, and changes nothing. A cancelled caller changes nothing either: what was asked for is received and saved.
 *
 * @throws RekindleException.InvalidResponse the callback is not this sign-in's.
 * @throws RekindleException.Misuse it was finished before, or with another application.
 * @throws RekindleException.LoginRequired begin anew; the message names why.
 */
public suspend fun Session.finishSignIn(pending: String, callback: String): Unit =
    acting { native.finishSignIn(pending, callback) }

/**
 * Signs in with a browser on this machine: a receiver on loopback waits for it, five minutes. Not on Android, where the app's
 * own link comes back: [beginSignIn] and [finishSignIn].
 *
 * @param open shows the address; without it, the system's browser is opened. It must not block.
 * @throws RekindleException.Timeout nobody came back.
 */
public suspend fun Session.signInWithBrowser(request: SignInRequest = SignInRequest(), open: ((String) -> Unit)? = null): Unit =
    acting { native.signInWithBrowser(request.native(), open?.let { Display(open = it) }) }

/**
 * Signs in on another device, for machines without a browser.
 *
 * @param show tells the user where to go and what to type in. It must not block.
 * @throws RekindleException.LoginRequired the user said no, or took too long.
 */
public suspend fun Session.signInWithDevice(request: SignInRequest = SignInRequest(), show: (DeviceCode) -> Unit): Unit =
    acting { native.signInWithDevice(request.native(), Display(show = show)) }

/** Signs in with what stands for the user already. */
public suspend fun Session.signInWith(proof: Proof): Unit = acting { native.signInWith(proof.native) }

/**
 * Signs out as [Session.signOut], and asks the server to revoke the tokens (RFC 7009).
 *
 * @return whether it did; nothing where it cannot be asked.
 */
public suspend fun Session.signOutAndRevoke(): Boolean? = acting { native.signOutAndRevoke() }

/** Who is signed in, by the server's own name for them (`sub` of the ID token), if the scope had `openid`. */
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
            // As Java itself does where an exception has nowhere to go.
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
        // Its texts hold no secrets.
        is RekindleException -> LoginFailure.Failed(thrown.kind, thrown.message.orEmpty(), null)
        else -> LoginFailure.Failed(null, "the login handler threw ${thrown.javaClass.simpleName}", Thrown.keep(thrown))
    }
}
