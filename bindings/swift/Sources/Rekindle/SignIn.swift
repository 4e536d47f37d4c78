import Foundation
internal import RekindleFFI

/// The parameters of a sign-in. Defaults come from the dialect or the server.
public struct SignInRequest: Sendable, Hashable {
    /// The registered redirect URI. Not needed with a browser on this machine.
    public var redirectURI: String?
    /// `scope`, space-separated.
    public var scope: String?
    /// `resource`: the URLs of the APIs that the tokens are for (RFC 8707).
    public var resource: [String]
    /// `audience`, for servers that support it.
    public var audience: String?
    /// `prompt`: `login`, `consent`, `select_account`, `none`.
    public var prompt: String?
    /// `login_hint`: the user who is likely to sign in.
    public var loginHint: String?
    /// `acr_values` (RFC 9470).
    public var acrValues: String?
    /// `max_age`, in seconds.
    public var maxAge: UInt64?
    /// `claims`, as JSON.
    public var claims: String?
    /// The path of the application to show after the sign-in.
    public var returnTo: String?
    /// Further parameters of the authorization request.
    public var parameters: [String: String]

    /// Creates a request; parameters that are left out are not sent.
    public init(
        redirectURI: String? = nil, scope: String? = nil, resource: [String] = [], audience: String? = nil,
        prompt: String? = nil, loginHint: String? = nil, acrValues: String? = nil, maxAge: UInt64? = nil,
        claims: String? = nil, returnTo: String? = nil, parameters: [String: String] = [:]
    ) {
        self.redirectURI = redirectURI
        self.scope = scope
        self.resource = resource
        self.audience = audience
        self.prompt = prompt
        self.loginHint = loginHint
        self.acrValues = acrValues
        self.maxAge = maxAge
        self.claims = claims
        self.returnTo = returnTo
        self.parameters = parameters
    }

    var native: RekindleFFI.SignInRequest {
        RekindleFFI.SignInRequest(
            redirectUri: redirectURI, scope: scope, resource: resource, audience: audience, prompt: prompt,
            loginHint: loginHint, acrValues: acrValues, maxAge: maxAge, claims: claims, returnTo: returnTo,
            parameters: parameters)
    }
}

extension SignInRequest: CustomStringConvertible, CustomReflectable {
    /// Omits the hint and the values of parameters, which may identify the user.
    public var description: String {
        "SignInRequest(redirectURI: \(redirectURI ?? "none"), scope: \(scope ?? "none"), parameters: \(parameters.keys.sorted()))"
    }
    /// Empty, so that `dump` shows no values.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A sign-in that has begun.
public struct BegunSignIn: Sendable {
    /// The authorization URL to open in a browser.
    public let url: URL
    /// The state of the sign-in, as text, to pass to `finishSignIn` when the browser returns. Keep it where it survives the
    /// process. It is a secret, because it contains the PKCE verifier.
    public let pending: String
    /// The redirect URI that the browser returns to.
    public let redirectURI: String

    init(_ native: RekindleFFI.BegunSignIn) throws {
        guard let url = URL(string: native.url) else {
            throw RekindleError(.invalidConfig, "authorizationURL: is no URL that Foundation reads")
        }
        self.url = url
        pending = native.pending
        redirectURI = native.redirectUri
    }
}

extension BegunSignIn: CustomStringConvertible, CustomReflectable {
    /// Omits the URL's query and ``pending``.
    public var description: String { "BegunSignIn(\(url.host ?? "none"))" }
    /// Empty, so that `dump` shows no secrets.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The URL to visit on another device, and the code to enter there (RFC 8628).
public struct DeviceCode: Sendable, Hashable {
    /// The URL to visit.
    public let verificationURI: String
    /// The code to enter.
    public let userCode: String
    /// The URL with the code in it, for a QR code or a link.
    public let verificationURIComplete: String?
}

/// A proof of who the user is, to sign in without asking the user.
public enum Proof: Sendable, Hashable {
    /// Another token, of this or another server (token exchange, RFC 8693).
    case token(
        String, type: String = "urn:ietf:params:oauth:token-type:access_token", audience: String? = nil,
        resource: [String] = [], scope: String? = nil)
    /// An assertion signed by an issuer that the server trusts (RFC 7523).
    case assertion(String, scope: String? = nil)
    /// A user name and password, for your own server whose dialect has a section `[password]`.
    case password(username: String, password: String, scope: String? = nil)

    fileprivate var native: RekindleFFI.Proof {
        switch self {
        case .token(let token, let type, let audience, let resource, let scope):
            .token(
                subjectToken: token, subjectTokenType: type, audience: audience, resource: resource, scope: scope)
        case .assertion(let assertion, let scope): .assertion(assertion: assertion, scope: scope)
        case .password(let username, let password, let scope):
            .password(username: username, password: password, scope: scope)
        }
    }
}

extension Proof: CustomStringConvertible, CustomReflectable {
    /// Only the kind.
    public var description: String {
        switch self {
        case .token: "Proof.token"
        case .assertion: "Proof.assertion"
        case .password: "Proof.password"
        }
    }
    /// Empty, so that `dump` does not show the secret.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Signs a session in again, once for all waiting callers. It must not request a token of that session before it has signed
/// the session in; that throws ``RekindleError/Kind/misuse``. What it throws is the error that callers get, or its cause.
public typealias LoginFunction = @Sendable (Session) async throws -> Void

extension Session {
    /// Begins a sign-in with an authorization code and PKCE. Returns the URL to open, and the state to keep until the
    /// browser returns.
    public func beginSignIn(_ request: SignInRequest) async throws -> BegunSignIn {
        try BegunSignIn(
            try await waiting(for: owner) { try await native.beginSignIn(request: request.native, cancel: $0) })
    }

    /// The server's identifier of the signed-in user: `sub` of the ID token, if the scope contained `openid`.
    public var subject: String? { native.subject() }

    /// Finishes a sign-in with the URL that the browser returned to. The authorization code is sent once. A callback that
    /// does not belong to this sign-in is rejected and changes nothing. Cancelling the task changes nothing either: the
    /// tokens are received and saved.
    ///
    /// - Parameters:
    ///   - pending: ``BegunSignIn/pending``, from this process or another one.
    ///   - callback: The whole URL that the browser returned to.
    public func finishSignIn(pending: String, callback: String) async throws {
        try await waiting(for: owner) {
            try await native.finishSignIn(pending: pending, callback: callback, cancel: $0)
        }
    }

    /// Signs in with a browser on this machine. A receiver on loopback waits for the browser for at most five minutes. Not
    /// for phones, where the browser returns by an app link.
    ///
    /// - Parameter open: Opens the URL, instead of the system's browser. It must not block.
    public func signInWithBrowser(
        _ request: SignInRequest = SignInRequest(), open: (@Sendable (URL) throws -> Void)? = nil
    ) async throws {
        let display = open.map { Display(open: $0) }
        try await waiting(for: owner) {
            try await native.signInWithBrowser(request: request.native, display: display, cancel: $0)
        }
    }

    /// Signs in on another device, for machines without a browser.
    ///
    /// - Parameter show: Shows the user the URL to visit and the code to enter. It must not block.
    public func signInWithDevice(
        _ request: SignInRequest = SignInRequest(), show: @escaping @Sendable (DeviceCode) throws -> Void
    ) async throws {
        let display = Display(show: show)
        try await waiting(for: owner) {
            try await native.signInWithDevice(request: request.native, display: display, cancel: $0)
        }
    }

    /// Signs in with a ``Proof`` of who the user is.
    public func signIn(with proof: Proof) async throws {
        try await waiting(for: owner) { try await native.signInWith(proof: proof.native, cancel: $0) }
    }

    /// Signs out, and asks the server to revoke the tokens (RFC 7009). Returns whether it did; `nil` if it has no
    /// revocation endpoint.
    @discardableResult
    public func signOutAndRevoke() async throws -> Bool? {
        try await waiting(for: owner) { try await native.signOutAndRevoke(cancel: $0) }
    }
}

private final class Display: RekindleFFI.SignInDisplay {
    private let open: @Sendable (URL) throws -> Void
    private let show: @Sendable (DeviceCode) throws -> Void

    init(
        open: @escaping @Sendable (URL) throws -> Void = { _ in },
        show: @escaping @Sendable (DeviceCode) throws -> Void = { _ in }
    ) {
        self.open = open
        self.show = show
    }

    func showAddress(url: String) throws {
        guard let url = URL(string: url), (try? open(url)) != nil else { throw ListenerFailure.Failed }
    }

    func showDeviceCode(code: RekindleFFI.DeviceCode) throws {
        let code = DeviceCode(
            verificationURI: code.verificationUri, userCode: code.userCode,
            verificationURIComplete: code.verificationUriComplete)
        guard (try? show(code)) != nil else { throw ListenerFailure.Failed }
    }
}

final class HostLogin: RekindleFFI.Login {
    private let function: LoginFunction
    private let owner: Inside.Owner

    init(_ function: @escaping LoginFunction, _ owner: Inside.Owner) {
        self.function = function
        self.owner = owner
    }

    func signIn(session: RekindleFFI.Session) async throws {
        let own = Session(session, of: owner)
        do {
            try await Inside.$logins.withValue(Inside.logins.union([session.stateId()])) {
                try await function(own)
            }
        } catch let error as RekindleError {
            throw LoginFailure.Failed(kind: error.kind.rawValue, reason: error.message, thrown: nil)
        } catch {
            // Another error's message could contain the credential.
            let reason = "the login handler threw \(type(of: error))"
            throw LoginFailure.Failed(kind: nil, reason: reason, thrown: Thrown.all.keep(error))
        }
    }
}
