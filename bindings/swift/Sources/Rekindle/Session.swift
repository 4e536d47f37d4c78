import Foundation
internal import RekindleFFI

/// Keeps one sign-in alive for all tasks that use it and, with a shared store, for all processes.
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
/// Cancelling a task ends only its own wait, with a `CancellationError`: a refresh that it started continues, and its token
/// is served to the next caller.
public final class Session: Sendable {
    let native: RekindleFFI.Session
    let owner: Inside.Owner
    let targets: Targets
    private let last = LastToken()

    /// A session of an app.
    init(_ native: RekindleFFI.Session, of owner: Inside.Owner) {
        self.native = native
        self.owner = owner
        targets = Targets(native)
    }

    /// Creates a session. Sends and reads nothing yet. Arguments that are left out have the engine's defaults.
    ///
    /// - Parameters:
    ///   - dialect: The server's protocol: a preset's name, or a dialect file.
    ///   - tokenURL: The token endpoint. Some presets include it.
    ///   - clientID: The client id that is registered at the server.
    ///   - clientSecret: The client secret, if there is one. Apps that are distributed to users have none.
    ///   - clientAuth: How the client authenticates at the token endpoint, if it differs from the dialect.
    ///   - clientKey: The key that signs client assertions (`private_key_jwt`), instead of a secret.
    ///   - dpopKey: The key that signs DPoP proofs (RFC 9449).
    ///   - requireDPoP: Whether a token that the server did not bind to that key is refused (RFC 9449 section 5).
    ///   - credential: The first credential, used if the store is empty.
    ///   - store: Where the credential is kept.
    ///   - variables: Values for the variables in the dialect's URLs, such as `tenant`.
    ///   - origins: The origins that may receive the token. A client's base URL is added automatically.
    ///   - insecureOrigins: Origins and token endpoints that may be requested without TLS; loopback always may.
    ///   - rotation: What the server does with a used refresh token, if the dialect does not say.
    ///   - background: Whether a token is refreshed in the background shortly before it expires.
    ///   - waitTimeout: The longest that a caller waits for a token (30 s).
    ///   - sendTimeout: The longest that one refresh request may take (60 s).
    ///   - lease: How long other users of the store wait for a refresh that this process has started (90 s).
    ///   - alone: For tests: shares no state with other sessions of this process.
    ///   - http: Connection settings for token requests and for the session's clients. Not allowed with `transport`.
    ///   - transport: An HTTP stack of your own for token requests, and for clients that have none.
    ///   - clientCredentials: The client credentials grant: tokens for the client itself, without a user or a credential.
    ///   - refreshWith: Your own refresh function, instead of the dialect's request.
    ///   - backgroundWork: Called with each refresh, to get background time: see ``BackgroundWork``.
    ///   - authorizationURL: The authorization endpoint. Some presets include it.
    ///   - server: The server's metadata, as returned by ``discover(_:http:transport:)``.
    ///   - pushedRequests: Whether authorization requests are pushed, if the server supports it (RFC 9126).
    ///   - login: Signs the user in again when a call would fail with ``RekindleError/Kind/loginRequired``: once, while all
    ///     callers wait.
    ///   - loginTimeout: How long callers wait for it (5 min). Zero: they get the error immediately, and the sign-in
    ///     continues.
    ///   - clock: A manual clock, for tests.
    ///   - onEvent: Receives each event, in order, on a thread of its own. It may block.
    /// - Throws: ``RekindleError/Kind/invalidConfig`` if an argument is invalid; the message names it.
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
    /// Returns a valid access token. Waits for a refresh if one is needed.
    ///
    /// - Parameter minLife: The minimum remaining lifetime, if the server's tokens live that long.
    public func token(minLife: Duration? = nil) async throws -> Token {
        if minLife == nil, Inside.owner !== owner, !Task.isCancelled, let token = tokenIfValid() { return token }
        let life = try minLife?.positive("minLife")
        return Token(try await asking { try await native.token(minLife: life, cancel: $0) })
    }

    /// The access token if it is valid, without waiting; `nil` otherwise.
    public func tokenIfValid() -> Token? {
        last.ifValid(native)
    }

    /// Refreshes now, or joins the refresh in progress, and returns the new token.
    @discardableResult
    public func refresh() async throws -> Token {
        Token(try await asking { try await native.refresh(cancel: $0) })
    }

    /// As `refresh`, but also during a back-off, and once more with a refresh token that the server rejected.
    @discardableResult
    public func forceRefresh() async throws -> Token {
        Token(try await asking { try await native.forceRefresh(cancel: $0) })
    }

    /// Marks the access token as expired: the next caller refreshes it.
    public func invalidate() {
        native.invalidate()
    }

    /// Replaces the current credential by that of a new sign-in. Takes effect immediately; cancelling the task does not undo
    /// it. With `clientCredentials` no credential is needed.
    public func signIn(_ credential: Credential = Credential()) async throws {
        let credential = credential.native()
        try await waiting(for: owner) { try await native.signIn(credential: credential, cancel: $0) }
    }

    /// Signs the user out: no token is served any more, and the stored credential is replaced by a tombstone. Cancelling the
    /// task does not undo it.
    public func signOut() async throws {
        try await waiting(for: owner) { try await native.signOut(cancel: $0) }
    }
}

// Waiting.
extension Session {
    /// Waits for a token. In a login handler of this session that would wait for itself, so it throws.
    func asking<T: Sendable>(
        within timeout: Duration? = nil, _ call: (CancelToken) async throws -> T
    ) async throws -> T {
        if !Inside.logins.isEmpty, Inside.logins.contains(native.stateId()) {
            throw RekindleError.loginWaitsForItself
        }
        return try await waiting(for: owner, within: timeout, call)
    }
}

// Status and events.
extension Session {
    /// The session's status, from memory.
    public func status() -> Status {
        Status(native.status())
    }

    /// The session's status. Reads the store first, if it has not been read yet.
    public func freshStatus() async throws -> Status {
        Status(try await waiting(for: owner) { try await native.freshStatus(cancel: $0) })
    }

    /// The counters, by name.
    public func stats() -> [String: UInt64] {
        native.stats()
    }

    /// The counters in the Prometheus text format.
    public func prometheus() -> String {
        native.prometheus()
    }

    /// The events from now on. The sequence ends with the task that reads it.
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

    /// Whether no work is in progress and nothing is unsaved.
    public var isSettled: Bool {
        native.isSettled()
    }

    /// Waits for work in progress and unsaved credentials. Returns whether all is done. The session stays usable.
    ///
    /// - Parameter timeout: The longest wait.
    @discardableResult
    public func shutdown(timeout: Duration = .seconds(5)) async throws -> Bool {
        try await waiting(for: owner) { try await native.shutdown(most: timeout.notNegative, cancel: $0) }
    }
}

extension Session: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The status, without tokens.
    public var description: String { native.debugDescription }
    /// The status, without tokens.
    public var debugDescription: String { native.debugDescription }
    /// Empty, so that `dump` shows no secrets.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
