import Foundation
internal import RekindleFFI

/// Keeps the sign-ins of many users alive, with one configuration, one transport and one store.
///
/// ```swift
/// let app = try App(tokenURL: "https://auth.example.com/oauth/token", clientID: "app", store: .folder("sessions"))
/// try await app.session("user-42").signIn(Credential(accessToken: access, refreshToken: refresh))
///
/// // in each request of that user's
/// let token = try await app.session("user-42").token()
/// ```
///
/// Sessions that are not referenced are released, except for those used most recently, and are loaded from the store when
/// needed again.
public final class App: Sendable {
    let native: RekindleFFI.App
    private let owner: Inside.Owner
    private let sessions = KnownSessions()

    /// Creates an app. The parameters that are not listed are those of ``Session``.
    ///
    /// - Parameters:
    ///   - store: Keeps a record for each key: a folder, or a store of your own; by default this process's memory.
    ///   - idleSessions: How many unreferenced sessions stay in memory: those used most recently.
    ///   - onEvent: Receives each event with the key of its session, in order, on a thread of its own.
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
        store: StoreChoice = .memory,
        variables: [String: String] = [:],
        origins: [String] = [],
        insecureOrigins: [String] = [],
        rotation: Rotation? = nil,
        background: Bool = true,
        waitTimeout: Duration? = nil,
        sendTimeout: Duration? = nil,
        lease: Duration? = nil,
        clientCredentials: ClientCredentials? = nil,
        idleSessions: Int = 10_000,
        http: HTTPSettings? = nil,
        transport: (any Transport)? = nil,
        refreshWith: RefreshFunction? = nil,
        authorizationURL: String? = nil,
        server: String? = nil,
        pushedRequests: Bool = true,
        login: LoginFunction? = nil,
        loginTimeout: Duration? = nil,
        clock: ManualClock? = nil,
        onEvent: (@Sendable (_ key: String, Event) -> Void)? = nil
    ) throws {
        let config = SessionConfig(
            dialect: dialect.native, tokenUrl: tokenURL, authorizationUrl: authorizationURL,
            server: server, pushedRequests: pushedRequests, clientId: clientID, clientSecret: clientSecret,
            clientAuth: clientAuth?.native, credential: nil, variables: variables, origins: origins,
            insecureOrigins: insecureOrigins, rotation: try rotation?.native(), background: background,
            waitTimeout: try waitTimeout?.positive("waitTimeout"),
            sendTimeout: try sendTimeout?.positive("sendTimeout"), loginTimeout: loginTimeout?.notNegative,
            lease: try lease?.positive("lease"),
            clientKey: clientKey?.native, dpopKey: dpopKey?.native, requireDpop: requireDPoP,
            clientCredentials: clientCredentials?.native, http: try http?.native(), alone: false)
        let owner = Inside.Owner()
        self.owner = owner
        native = try translated {
            try RekindleFFI.App(
                config: config, store: store.native(of: owner),
                idleSessions: UInt32(clamping: max(idleSessions, 1)),
                transport: transport.map(HostTransport.init),
                refresh: refreshWith.map { HostRefresh($0, owner) },
                listener: RekindleLog.heard(by: onEvent).map(AppEvents.init), clock: clock?.native,
                login: login.map { HostLogin($0, owner) })
        }
        Ending.all.seesOut(native)
    }

    deinit {
        Ending.all.lets(go: native)
    }

    /// The session of this key: the same object for the same key while it is referenced. Reads and sends nothing yet.
    ///
    /// - Parameters:
    ///   - key: Your name for the user: 1 to 1,024 bytes of text.
    ///   - credential: The first credential, used if the store has none for this key.
    public func session(_ key: String, credential: Credential? = nil) throws -> Session {
        let known = sessions.find(key)
        if let known, credential == nil { return known }
        let made = try translated { try native.session(key: key, credential: credential?.native()) }
        return known ?? sessions.keep(Session(made, of: owner), as: key)
    }

    /// As ``Session/beginSignIn(_:)``, for a user whose key is not known yet.
    public func beginSignIn(_ request: SignInRequest) async throws -> BegunSignIn {
        try BegunSignIn(
            try await waiting(for: owner) { try await native.beginSignIn(request: request.native, cancel: $0) })
    }

    /// As ``Session/finishSignIn(pending:callback:)``, and returns the session of the user who signed in.
    ///
    /// - Parameter key: The user's key; by default `sub` of the ID token, for which the scope must contain `openid`.
    public func finishSignIn(pending: String, callback: String, key: String? = nil) async throws -> Session {
        let known = try await waiting(for: owner) {
            try await native.finishSignIn(pending: pending, callback: callback, key: key, cancel: $0)
        }
        return try session(known)
    }

    /// The keys of all signed-in users, sorted. The store must be able to list its keys, as memory and folders are.
    public func accounts() async throws -> [String] {
        try await waiting(for: owner) { try await native.accounts(cancel: $0) }
    }

    /// The number of sessions in memory: referenced ones, and those used most recently.
    public var sessionsInMemory: Int { Int(native.sessionsInMemory()) }

    /// The counters by name, summed over all sessions, including released ones.
    public func stats() -> [String: UInt64] { native.stats() }

    /// The counters in the Prometheus text format.
    public func prometheus() -> String { native.prometheus() }

    /// Whether no work is in progress and nothing is unsaved, in any session.
    public var isSettled: Bool { native.isSettled() }

    /// Waits for refreshes in progress and unsaved credentials of all sessions. Returns whether all is done.
    ///
    /// - Parameter timeout: The longest wait.
    @discardableResult
    public func shutdown(timeout: Duration = .seconds(5)) async throws -> Bool {
        try await waiting(for: owner) { try await native.shutdown(most: timeout.notNegative, cancel: $0) }
    }
}

extension App: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The status, without tokens.
    public var description: String { native.debugDescription }
    /// The status, without tokens.
    public var debugDescription: String { native.debugDescription }
    /// Empty, so that `dump` shows no secrets.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Sessions that may still be referenced.
private final class KnownSessions: @unchecked Sendable {
    private struct Known {
        weak var session: Session?
    }

    private let lock = NSLock()
    private var known: [String: Known] = [:]
    /// The number of entries at which those of released sessions are removed.
    private var most = 64

    func find(_ key: String) -> Session? {
        lock.withLock { known[key]?.session }
    }

    func keep(_ session: Session, as key: String) -> Session {
        lock.withLock {
            if let other = known[key]?.session { return other }
            known[key] = Known(session: session)
            if known.count > most {
                known = known.filter { $0.value.session != nil }
                most = max(64, known.count * 2)
            }
            return session
        }
    }
}

private final class AppEvents: RekindleFFI.AppListener {
    private let call: @Sendable (String, Event) -> Void

    init(_ call: @escaping @Sendable (String, Event) -> Void) {
        self.call = call
    }

    func onEvent(key: String, event: RekindleFFI.Event) throws {
        call(key, Event(event))
    }
}
