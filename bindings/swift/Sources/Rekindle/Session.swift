import Foundation
internal import RekindleFFI

/// Keeps one sign-in alive for all tasks, and (with a shared store) all processes, that use it.
///
/// ```swift
/// let session = try Session(
///     dialect: "oauth2", tokenURL: "https://auth.example.com/oauth/token", clientID: "app",
///     credential: Credential(accessToken: access, refreshToken: refresh, expiresIn: .seconds(900)),
///     store: .file(path))
/// let client = try Client(session, baseURL: "https://api.example.com")
/// let users: [User] = try await client.get("/users").json()
/// ```
///
/// A refresh belongs to no task: whoever waits for one can be cancelled and gets `CancellationError` at once, the refresh
/// goes on, and its token is there for the next caller.
public final class Session: Sendable {
    let native: RekindleFFI.Session
    let owner: Inside.Owner
    let targets: Targets
    private let last = LastToken()

    /// One of an app's.
    init(_ native: RekindleFFI.Session, of owner: Inside.Owner) {
        self.native = native
        self.owner = owner
        targets = Targets(native)
    }

    /// Makes it. What is left out has the engine's own default.
    ///
    /// - Parameters:
    ///   - dialect: How the server speaks: a preset's name, or a dialect file.
    ///   - tokenURL: Where tokens are refreshed. Some presets know it.
    ///   - clientID: The client's id at the server.
    ///   - clientSecret: Its secret, if it has one. An app that is handed out has none.
    ///   - clientAuth: How the client says who it is, where it is registered otherwise than the dialect says.
    ///   - clientKey: Signs who the client is (`private_key_jwt`), instead of a secret.
    ///   - dpopKey: Signs that a token is this client's own (DPoP).
    ///   - requireDPoP: Whether a token that the server did not bind to that key is refused (RFC 9449 section 5).
    ///   - credential: What to begin with where the store is empty.
    ///   - store: Where the credential is kept.
    ///   - variables: What stands in the dialect's URLs: `tenant` and the like.
    ///   - origins: Where the token may go. A client's base URL is added by itself.
    ///   - insecureOrigins: Origins and token endpoints that may be asked without TLS; loopback always may.
    ///   - rotation: What the server does with a used refresh token, where the dialect does not know.
    ///   - background: Whether a token is refreshed shortly before its end, beside its users.
    ///   - waitTimeout: How long a caller waits for a token at most (30 s).
    ///   - sendTimeout: How long one refresh may take (60 s).
    ///   - lease: How long others with the same store leave a refresh to whoever began it (90 s).
    ///   - alone: For tests: shares no state with other sessions of this process.
    ///   - http: How connections are made, for token requests and for the clients of this session. Not with a `transport`.
    ///   - transport: An HTTP stack of your own for token requests, and for clients that have none.
    ///   - clientCredentials: What the client asks for on its own behalf, without a user; it needs no credential.
    ///   - refreshWith: Gets new tokens in a way of your own.
    ///   - backgroundWork: Is begun with each refresh and ended with it: see ``BackgroundWork``.
    ///   - authorizationURL: Where users sign in. Some presets know it.
    ///   - server: What the server says of itself, as ``discover(_:http:transport:)`` gave it.
    ///   - pushedRequests: Whether authorization requests are pushed to the server where it takes that (RFC 9126).
    ///   - login: Signs the user in again where a call would end with ``RekindleError/Kind/loginRequired``: once, while all
    ///     callers wait.
    ///   - loginTimeout: How long they wait for it (5 min); zero: they get the error at once, and the sign-in goes on.
    ///   - clock: For tests.
    ///   - onEvent: Hears each event, in order, on a thread of its own: it may block.
    /// - Throws: ``RekindleError/Kind/invalidConfig``, naming the argument.
    public init(
        dialect: Dialect = "oauth2",
        tokenURL: String? = nil,
        clientID: String? = nil,
        clientSecret: String? = nil,
        clientAuth: ClientAuth? = nil,
        clientKey: SigningKey? = nil,
        dpopKey: SigningKey? = nil,
        requireDPoP: Bool = true,
        credential: Credential? = nil,
        store: StoreChoice = .memory,
        variables: [String: String] = [:],
        origins: [String] = [],
        insecureOrigins: [String] = [],
        rotation: Rotation? = nil,
        background: Bool = true,
        waitTimeout: Duration? = nil,
        sendTimeout: Duration? = nil,
        lease: Duration? = nil,
        alone: Bool = false,
        http: HTTPSettings? = nil,
        transport: (any Transport)? = nil,
        clientCredentials: ClientCredentials? = nil,
        refreshWith: RefreshFunction? = nil,
        backgroundWork: BackgroundWork? = nil,
        authorizationURL: String? = nil,
        server: String? = nil,
        pushedRequests: Bool = true,
        login: LoginFunction? = nil,
        loginTimeout: Duration? = nil,
        clock: ManualClock? = nil,
        onEvent: (@Sendable (Event) -> Void)? = nil
    ) throws {
        let config = SessionConfig(
            dialect: dialect.native, tokenUrl: tokenURL, authorizationUrl: authorizationURL,
            server: server, pushedRequests: pushedRequests, clientId: clientID, clientSecret: clientSecret,
            clientAuth: clientAuth?.native, credential: credential?.native(), variables: variables,
            origins: origins, insecureOrigins: insecureOrigins, rotation: try rotation?.native(),
            background: background,
            waitTimeout: try waitTimeout?.positive("waitTimeout"),
            sendTimeout: try sendTimeout?.positive("sendTimeout"), loginTimeout: loginTimeout?.notNegative,
            lease: try lease?.positive("lease"),
            clientKey: clientKey?.native, dpopKey: dpopKey?.native, requireDpop: requireDPoP,
            clientCredentials: clientCredentials?.native, http: try http?.native(), alone: alone)
        let (owner, awake) = (Inside.Owner(), backgroundWork.map(Awake.init))
        self.owner = owner
        let listener = Self.listener(awake, RekindleLog.heard(by: onEvent))
        native = try translated {
            try RekindleFFI.Session(
                config: config, store: store.native(of: owner),
                transport: transport.map(HostTransport.init),
                refresh: refreshWith.map { HostRefresh($0, owner) }, listener: listener,
                clock: clock?.native, login: login.map { HostLogin($0, owner) })
        }
        targets = Targets(native)
        awake?.watch(native)
        Ending.all.seesOut(native)
    }

    deinit {
        Ending.all.lets(go: native)
    }

    private static func listener(
        _ awake: Awake?, _ onEvent: (@Sendable (Event) -> Void)?
    ) -> Listener? {
        guard let awake else { return onEvent.map(Listener.init) }
        return Listener { event in
            awake.hear(event)
            onEvent?(event)
        }
    }
}

// Tokens.
extension Session {
    /// A valid access token; waits for a refresh if one is needed.
    ///
    /// - Parameter minLife: The least that it must have left, if the server's tokens live that long.
    public func token(minLife: Duration? = nil) async throws -> Token {
        if minLife == nil, Inside.owner !== owner, !Task.isCancelled, let token = tokenIfValid() { return token }
        let life = try minLife?.positive("minLife")
        return Token(try await asking { try await native.token(minLife: life, cancel: $0) })
    }

    /// The access token if it can be served at once.
    public func tokenIfValid() -> Token? {
        last.ifValid(native)
    }

    /// Refreshes now, or joins the refresh that is under way.
    @discardableResult
    public func refresh() async throws -> Token {
        Token(try await asking { try await native.refresh(cancel: $0) })
    }

    /// As `refresh`, even during a back-off, and once more with a refresh token that the server rejected.
    @discardableResult
    public func forceRefresh() async throws -> Token {
        Token(try await asking { try await native.forceRefresh(cancel: $0) })
    }

    /// As if the access token had expired: the next caller refreshes it.
    public func invalidate() {
        native.invalidate()
    }

    /// The user signed in: this credential replaces whatever there is, at once. A cancelled task does not take it back.
    /// With `clientCredentials` none is needed.
    public func signIn(_ credential: Credential = Credential()) async throws {
        let credential = credential.native()
        try await waiting(for: owner) { try await native.signIn(credential: credential, cancel: $0) }
    }

    /// The user signs out: nothing is served from now on, and the store is wiped but for a tombstone. A cancelled task
    /// does not take it back.
    public func signOut() async throws {
        try await waiting(for: owner) { try await native.signOut(cancel: $0) }
    }
}

// Waiting.
extension Session {
    /// Waits for a token. In a login handler of this session it would wait for itself: that is refused.
    func asking<T: Sendable>(
        within timeout: Duration? = nil, _ call: (CancelToken) async throws -> T
    ) async throws -> T {
        if !Inside.logins.isEmpty, Inside.logins.contains(native.stateId()) {
            throw RekindleError.loginWaitsForItself
        }
        return try await waiting(for: owner, within: timeout, call)
    }
}

// How it stands.
extension Session {
    /// How things stand, as far as memory knows.
    public func status() -> Status {
        Status(native.status())
    }

    /// The same after the store has been read, if it was not yet.
    public func freshStatus() async throws -> Status {
        Status(try await waiting(for: owner) { try await native.freshStatus(cancel: $0) })
    }

    /// How often things happened, by name.
    public func stats() -> [String: UInt64] {
        native.stats()
    }

    /// The counters in the Prometheus text format.
    public func prometheus() -> String {
        native.prometheus()
    }

    /// The events from now on. They end with the task that reads them.
    ///
    /// ```swift
    /// for await event in session.events() {
    ///     if case .loginRequired = event.kind { await showSignIn() }
    /// }
    /// ```
    public func events() -> AsyncStream<Event> {
        let (events, owner) = (native.events(), owner)
        return AsyncStream(unfolding: {
            let next = try? await waiting(for: owner) { try await events.next(cancel: $0) }
            return next.map(Event.init)
        })
    }

    /// Whether nothing is under way or unsaved.
    public var isSettled: Bool {
        native.isSettled()
    }

    /// Waits for a refresh under way and an unsaved credential; whether nothing is left. The session can be used on.
    ///
    /// - Parameter timeout: How long at most.
    @discardableResult
    public func shutdown(timeout: Duration = .seconds(5)) async throws -> Bool {
        try await waiting(for: owner) { try await native.shutdown(most: timeout.notNegative, cancel: $0) }
    }
}

extension Session: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// How it stands, without a token.
    public var description: String { native.debugDescription }
    /// How it stands, without a token.
    public var debugDescription: String { native.debugDescription }
    /// Nothing: `dump` would show what is kept.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
