import Foundation
import Rekindle

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif
import TestSupport

/// What a case does that it should not.
struct Mistake: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A session with what was heard of it.
final class Kept: @unchecked Sendable {
    let session: Session
    let client: Client
    let life: Life
    let heard: Heard
    /// Sends requests instead of our own client, where a case is played through the adapter.
    let adapter: AuthenticatedURLSession?

    init(_ session: Session, _ client: Client, _ life: Life, _ heard: Heard, _ adapter: AuthenticatedURLSession?) {
        (self.session, self.client, self.life, self.heard) = (session, client, life, heard)
        self.adapter = adapter
    }
}

/// Events since a session was made, those of its making included.
final class Heard: @unchecked Sendable {
    private let lock = NSLock()
    private var events: [Event] = []

    func hear(_ event: Event) { lock.withLock { events.append(event) } }
    var all: [Event] { lock.withLock { events } }
}

/// Where a case is played: its servers, its clock, its store and its sessions.
final class Stage: @unchecked Sendable {
    let server: TestServer
    let other: TestServer?
    let model: Bool
    let clock = ManualClock()
    let shared = SharedRecord()
    let folder: URL
    private let base: [String: JSON]
    /// Whether requests go through the adapter.
    private let adapted: Bool
    private let lock = NSLock()
    private var sessions: [String: Kept] = [:]
    private var complaints: [String] = []

    /// Starts the servers, and gives the case with their addresses in it.
    static func set(_ written: Case, adapted: Bool) async throws -> (Stage, Case) {
        let server = try await TestServer.start(auth: model(written.all["server"]))
        let other =
            if let spec = written.all["other"] { try await TestServer.start(auth: model(spec)) } else {
                nil as TestServer?
            }
        var names = ["{server}": server.url]
        names["{other}"] = other?.url
        let named = written.naming(names)
        try await server.script(named.all["server"]?["steps"]?.array ?? [])
        try await other?.script(named.all["other"]?["steps"]?.array ?? [])
        return (try Stage(named, server, other, adapted), named)
    }

    private init(_ named: Case, _ server: TestServer, _ other: TestServer?, _ adapted: Bool) throws {
        (self.server, self.other, self.adapted) = (server, other, adapted)
        model = named.all["server"]?["auth"] != nil
        base = ["token_url": .string("\(server.url)/token")].merging(named.session) { $1 }
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("rekindle-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private static func model(_ spec: JSON?) -> JSON? {
        guard case .object(var auth)? = spec?["auth"] else { return nil }
        if (auth["token_prefix"]?.string ?? "").isEmpty { auth["token_prefix"] = "SECRET-" }
        return .object(auth)
    }

    var file: URL { folder.appendingPathComponent("session.json") }
    var names: [String] { lock.withLock { sessions.keys.sorted() } }

    func kept(_ name: String) throws -> Kept {
        guard let kept = lock.withLock({ sessions[name] }) else { throw Mistake("there is no session `\(name)`") }
        return kept
    }

    func complain(_ complaint: String?) {
        guard let complaint else { return }
        lock.withLock { complaints.append(complaint) }
    }

    func allComplaints() -> [String] { lock.withLock { complaints } }

    func mustNotLeak(_ what: String, _ text: String) {
        complain(leak(what, text))
    }

    func heard(_ kept: Kept) -> [JSON] {
        kept.heard.all.map { result($0) }
    }
}

// Making sessions.
extension Stage {
    /// Makes a session of the case's settings and these.
    func make(_ name: String, _ with: [String: JSON] = [:]) async throws {
        let spec = JSON.object(base.merging(with) { $1 })
        let (life, heard) = (Life(), Heard())
        let refresh: ScriptedRefresh? = spec["refresh_with"]?.array.map(ScriptedRefresh.init)
        let clientID: String? = if let given = spec["client_id"] { given.string } else { "app" }
        let rotation: Rotation? = try spec["rotation"].map(self.rotation)
        let session = try Session(
            dialect: dialect(spec["dialect"]),
            tokenURL: spec["token_url"]?.string,
            clientID: clientID,
            clientSecret: spec["client_secret"]?.string,
            clientAuth: try spec["client_auth"].map(clientAuth),
            credential: try await seed(spec["credential"]),
            store: store(spec["store"]?.string, life),
            variables: spec["variables"]?.texts ?? [:],
            origins: spec["origins"]?.list ?? [server.url],
            insecureOrigins: spec["insecure_origins"]?.list ?? [],
            rotation: rotation,
            background: spec["background"]?.bool ?? true,
            waitTimeout: milliseconds(spec["wait_ms"]),
            sendTimeout: milliseconds(spec["send_ms"]),
            lease: milliseconds(spec["lease_ms"]),
            alone: spec["same_process"] != true,
            clientCredentials: clientCredentials(spec["client_credentials"]),
            refreshWith: refresh?.function,
            clock: clock,
            onEvent: { heard.hear($0) })
        refresh?.set(session)
        let kept = Kept(session, try client(session, spec["client"]), life, heard, try adapter(session))
        lock.withLock { sessions[name] = kept }
    }

    private func adapter(_ session: Session) throws -> AuthenticatedURLSession? {
        if !adapted { return nil }
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = 64
        return try AuthenticatedURLSession(session, URLSession(configuration: configuration))
    }

    private func client(_ session: Session, _ spec: JSON?) throws -> Client {
        // A base URL is listed by itself; adapters list none.
        try Client(
            session, baseURL: adapted ? nil : server.url, headers: spec?["headers"]?.texts ?? [:],
            timeout: milliseconds(spec?["timeout_ms"]) ?? .seconds(60),
            maxRedirects: spec?["max_redirects"]?.int ?? 10, maxSends: spec?["max_sends"]?.int ?? 3,
            graphQLPath: spec?["graphql_path"]?.string)
    }

    private func dialect(_ spec: JSON?) -> Dialect {
        if let text = spec?["toml"]?.string { return .toml(text) }
        return .preset(spec?.string ?? "oauth2")
    }

    private func store(_ kind: String?, _ life: Life) -> StoreChoice {
        switch kind {
        case "file": .file(file.path)
        case "scripted": .custom(ScriptedStore(shared: shared, life: life))
        default: .memory
        }
    }

    private func clientAuth(_ written: JSON) throws -> ClientAuth {
        switch written.string {
        case "none": return .public
        case "client_secret_basic": return .clientSecretBasic
        case "client_secret_post": return .clientSecretPost
        default: throw Mistake("there is no client_auth \(written)")
        }
    }

    private func rotation(_ written: JSON) throws -> Rotation {
        if let seconds = written["grace_seconds"]?.int { return .grace(.seconds(seconds)) }
        switch written.string {
        case "none": return .reusable
        case "until-successor-used": return .untilSuccessorUsed
        case "strict": return .strict
        case "strict-family": return .strictFamily
        case "sometimes": return .sometimes
        case "unknown": return .unknown
        default: throw Mistake("there is no rotation \(written)")
        }
    }

    private func seed(_ spec: JSON?) async throws -> Credential? {
        switch spec {
        case .bool(false): nil
        case .some(let written): credential(written)
        case nil: try await usual()
        }
    }

    private func clientCredentials(_ written: JSON?) -> ClientCredentials? {
        written.map {
            ClientCredentials(
                scope: $0["scope"]?.string, audience: $0["audience"]?.string, resource: $0["resource"]?.list ?? [],
                parameters: $0["parameters"]?.texts ?? [:])
        }
    }

    func credential(_ written: JSON) -> Credential {
        Credential(
            accessToken: written["access_token"]?.string, refreshToken: written["refresh_token"]?.string,
            expiresIn: written["expires_in"]?.number.map { .milliseconds(Int($0 * 1000)) },
            expiresAt: written["expires_at_ms"]?.number.map { Date(timeIntervalSince1970: $0 / 1000) },
            scope: written["scope"]?.string, tokenType: written["token_type"]?.string)
    }

    /// The model's sign-in, or `AT-1` and `RT-1`.
    func usual() async throws -> Credential {
        guard model else { return Credential(accessToken: "AT-1", refreshToken: "RT-1") }
        let tokens = try await server.signIn()
        return Credential(accessToken: tokens.access, refreshToken: tokens.refresh)
    }
}

extension JSON {
    /// An object of texts.
    var texts: [String: String]? { object?.compactMapValues(\.string) }
    /// A list of texts.
    var list: [String]? { array?.compactMap(\.string) }
}

func milliseconds(_ written: JSON?) -> Duration? {
    written?.int.map { .milliseconds($0) }
}
