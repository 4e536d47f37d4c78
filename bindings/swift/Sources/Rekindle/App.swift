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
/// Sessions that nobody holds are let go of, but for those that were used last, and come back from the store.
public final class App: Sendable {
    let native: RekindleFFI.App
    private let owner: Inside.Owner
    private let sessions = KnownSessions()

    /// Makes it. Each parameter is that of ``Session``, but for those below.
    ///
    /// - Parameters:
    ///   - store: Keeps a record for each key: a folder, or a store of your own; by default this process' memory.
    ///   - idleSessions: How many sessions that nobody holds stay in memory, those that were used last.
    ///   - onEvent: Hears each event and the key of its session, in order, on a thread of its own.
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

    /// The session of that key, the same one for the same key. Nothing is read or sent yet.
    ///
    /// - Parameters:
    ///   - key: What you call a user by: 1 to 1,024 bytes of text.
    ///   - credential: What to begin with, where the store has none.
    public func session(_ key: String, credential: Credential? = nil) throws -> Session {
        let known = sessions.find(key)
        if let known, credential == nil { return known }
        let made = try translated { try native.session(key: key, credential: credential?.native()) }
        return known ?? sessions.keep(Session(made, of: owner), as: key)
    }

    /// As a session's, for a user who is not known yet.
    public func beginSignIn(_ request: SignInRequest) async throws -> BegunSignIn {
        try BegunSignIn(
            try await waiting(for: owner) { try await native.beginSignIn(request: request.native, cancel: $0) })
    }

    /// As a session's; it gives the session of the one who signed in.
    ///
    /// - Parameter key: What they are called here; without it, their `sub` in the ID token, for which the scope needs
    ///   `openid`.
    public func finishSignIn(pending: String, callback: String, key: String? = nil) async throws -> Session {
        let known = try await waiting(for: owner) {
            try await native.finishSignIn(pending: pending, callback: callback, key: key, cancel: $0)
        }
        return try session(known)
    }

    /// The keys of all who are signed in, in order. The store must be able to tell its keys: memory and folders are.
    public func accounts() async throws -> [String] {
        try await waiting(for: owner) { try await native.accounts(cancel: $0) }
    }

    /// How many sessions are in memory: those that somebody holds, and those that were used last.
    public var sessionsInMemory: Int { Int(native.sessionsInMemory()) }

    /// How often things happened, by name, in all sessions together, also in those that were let go of.
    public func stats() -> [String: UInt64] { native.stats() }

    /// The counters in the Prometheus text format.
    public func prometheus() -> String { native.prometheus() }

    /// Whether nothing is under way or unsaved, in all sessions.
    public var isSettled: Bool { native.isSettled() }

    /// Waits for refreshes under way and unsaved credentials of all sessions; whether nothing is left.
    ///
    /// - Parameter timeout: How long at most.
    @discardableResult
    public func shutdown(timeout: Duration = .seconds(5)) async throws -> Bool {
        try await waiting(for: owner) { try await native.shutdown(most: timeout.notNegative, cancel: $0) }
    }
}

extension App: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// How it stands, without a token.
    public var description: String { native.debugDescription }
    /// How it stands, without a token.
    public var debugDescription: String { native.debugDescription }
    /// Nothing: `dump` would show what is kept.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Sessions that somebody may hold.
private final class KnownSessions: @unchecked Sendable {
    private struct Known {
        weak var session: Session?
    }

    private let lock = NSLock()
    private var known: [String: Known] = [:]
    /// Those that are gone are forgotten once there are so many.
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
