import Foundation
internal import RekindleFFI

/// What a sign-in asks for. What is left out is the dialect's, or the server's own.
public struct SignInRequest: Sendable, Hashable {
    /// Where the browser comes back to, as the client is registered. With a browser on this machine it may be left out.
    public var redirectURI: String?
    /// `scope`: names with spaces between them.
    public var scope: String?
    /// `resource`: the URLs of what the tokens are for (RFC 8707).
    public var resource: [String]
    /// `audience`, where the server knows it.
    public var audience: String?
    /// `prompt`: `login`, `consent`, `select_account`, `none`.
    public var prompt: String?
    /// Who is likely to sign in.
    public var loginHint: String?
    /// `acr_values` (RFC 9470).
    public var acrValues: String?
    /// `max_age`, in seconds.
    public var maxAge: UInt64?
    /// `claims`, as JSON.
    public var claims: String?
    /// Where the application's own user goes afterwards: a path of its own.
    public var returnTo: String?
    /// Further parameters, as the server wants them.
    public var parameters: [String: String]

    /// What is left out is not sent.
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
    /// Neither the hint nor values of parameters: they may say who it is.
    public var description: String {
        "SignInRequest(redirectURI: \(redirectURI ?? "none"), scope: \(scope ?? "none"), parameters: \(parameters.keys.sorted()))"
    }
    /// Nothing: `dump` would show values.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A sign-in that has begun.
public struct BegunSignIn: Sendable {
    /// Where the browser goes.
    public let url: URL
    /// What must be known when the browser comes back, as text: kept somewhere, it survives the process. A secret: it holds
    /// the PKCE verifier.
    public let pending: String
    /// Where the browser comes back to.
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
    /// Neither the address' query nor what is kept.
    public var description: String { "BegunSignIn(\(url.host ?? "none"))" }
    /// Nothing: `dump` would show what is kept.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Where the user goes on another device, and what is typed in there (RFC 8628).
public struct DeviceCode: Sendable, Hashable {
    /// Where to go.
    public let verificationURI: String
    /// What to type in.
    public let userCode: String
    /// The address with the code in it, for a QR code or a link.
    public let verificationURIComplete: String?
}

/// What stands for the user already.
public enum Proof: Sendable, Hashable {
    /// Another token, of this or another server (RFC 8693).
    case token(
        String, type: String = "urn:ietf:params:oauth:token-type:access_token", audience: String? = nil,
        resource: [String] = [], scope: String? = nil)
    /// An assertion that somebody signed who is trusted there (RFC 7523).
    case assertion(String, scope: String? = nil)
    /// A name and a password, for a server of one's own whose dialect has a section `[password]`.
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
    /// Its kind alone.
    public var description: String {
        switch self {
        case .token: "Proof.token"
        case .assertion: "Proof.assertion"
        case .password: "Proof.password"
        }
    }
    /// Nothing: `dump` would show the secret.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Signs a session in again, once for all callers who wait. It must not ask that session for a token before it has signed
/// it in: that is ``RekindleError/Kind/misuse``. What it throws is what callers get, or what led to it.
public typealias LoginFunction = @Sendable (Session) async throws -> Void

extension Session {
    /// Begins a sign-in with an authorization code and PKCE: where the browser goes, and what is kept until it comes back.
    public func beginSignIn(_ request: SignInRequest) async throws -> BegunSignIn {
        try BegunSignIn(
            try await waiting(for: owner) { try await native.beginSignIn(request: request.native, cancel: $0) })
    }

    /// Who is signed in, by the server's own name for them (`sub` of the ID token), if the scope had `openid`.
    public var subject: String? { native.subject() }

    /// Ends a sign-in with the address that the browser came back with. The code is spent once; a callback that is not this
    /// sign-in's is refused, and changes nothing. A cancelled task changes nothing either: what was asked for is received
    /// and saved.
    ///
    /// - Parameters:
    ///   - pending: ``BegunSignIn/pending``, from this process or another one.
    ///   - callback: The whole address.
    public func finishSignIn(pending: String, callback: String) async throws {
        try await waiting(for: owner) {
            try await native.finishSignIn(pending: pending, callback: callback, cancel: $0)
        }
    }

    /// Signs in with a browser on this machine: a receiver on loopback waits for it, five minutes. Not on a phone, where the
    /// app's own link comes back.
    ///
    /// - Parameter open: Shows the address; without it, the system's browser is opened. It must not block.
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
    /// - Parameter show: Tells the user where to go and what to type in. It must not block.
    public func signInWithDevice(
        _ request: SignInRequest = SignInRequest(), show: @escaping @Sendable (DeviceCode) throws -> Void
    ) async throws {
        let display = Display(show: show)
        try await waiting(for: owner) {
            try await native.signInWithDevice(request: request.native, display: display, cancel: $0)
        }
    }

    /// Signs in with what stands for the user already.
    public func signIn(with proof: Proof) async throws {
        try await waiting(for: owner) { try await native.signInWith(proof: proof.native, cancel: $0) }
    }

    /// Signs out, and asks the server to revoke the tokens (RFC 7009): whether it did, or nothing where it can't be asked.
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
            // Another's text could quote the credential.
            let reason = "the login handler threw \(type(of: error))"
            throw LoginFailure.Failed(kind: nil, reason: reason, thrown: Thrown.all.keep(error))
        }
    }
}
