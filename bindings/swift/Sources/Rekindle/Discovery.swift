import Foundation
internal import RekindleFFI

/// Fetches a server's metadata (RFC 8414, OpenID Connect Discovery) by its issuer. The result is text for the `server` of a
/// ``Session``, and can be stored.
///
/// - Parameters:
///   - http: Connection settings of the built-in HTTP stack.
///   - transport: An HTTP stack of your own, instead of the built-in one.
public func discover(_ issuer: String, http: HTTPSettings? = nil, transport: (any Transport)? = nil) async throws
    -> String
{
    let http = try http?.native()
    return try await waiting(for: Inside.Owner()) {
        try await RekindleFFI.discover(
            issuer: issuer, http: http, transport: transport.map(HostTransport.init), cancel: $0)
    }
}

extension Session {
    /// Signs the user in and returns the session: in a browser on this machine or, if `show` is given, on another device. If
    /// the store already holds a sign-in, that is used without asking the user. When the sign-in expires for good, the user
    /// is asked again in the same way, while callers wait.
    ///
    /// ```swift
    /// let session = try await Session.signedIn(at: "google", clientID: "...", store: .file("google.json"))
    /// print(try await Client(session, baseURL: "https://www.googleapis.com").get("/oauth2/v3/userinfo").text)
    /// ```
    ///
    /// Not for phones, where the browser returns by an app link: use ``beginSignIn(_:)`` and
    /// ``finishSignIn(pending:callback:)`` there.
    ///
    /// - Parameters:
    ///   - server: A preset's name (`google`), or an issuer (`https://..`), whose metadata is fetched.
    ///   - clientID: The client id that is registered at the server.
    ///   - clientSecret: The client secret, if there is one.
    ///   - scope: Space-separated; by default the dialect's.
    ///   - store: Where the sign-in is kept.
    ///   - origins: The origins that may receive the token. A client's base URL is added automatically.
    ///   - request: Further parameters of the sign-in.
    ///   - http: Connection settings.
    ///   - open: Opens the URL, instead of the system's browser. It must not block.
    ///   - show: Shows the user the URL to visit and the code to enter (RFC 8628). It must not block.
    public static func signedIn(
        at server: String, clientID: String, clientSecret: String? = nil, scope: String? = nil,
        store: StoreChoice = .memory, origins: [String] = [], request: SignInRequest = SignInRequest(),
        http: HTTPSettings? = nil, open: (@Sendable (URL) throws -> Void)? = nil,
        show: (@Sendable (DeviceCode) throws -> Void)? = nil
    ) async throws -> Session {
        let isIssuer = server.hasPrefix("https://") || server.hasPrefix("http://")
        let found = isIssuer ? try await discover(server, http: http) : nil
        var asked = request
        asked.scope = scope ?? request.scope
        let login = asking(asked, open, show)
        let session = try Session(
            dialect: isIssuer ? "oauth2" : .preset(server), clientID: clientID, clientSecret: clientSecret,
            store: store,
            origins: origins, http: http, server: found, login: login)
        return try await session.signed(in: login)
    }

    /// Signs the user in to an API that publishes its authorization server (RFC 9728), as MCP servers do, and returns the
    /// session: finds that server, registers this client there (RFC 7591), and signs the user in.
    ///
    /// ```swift
    /// let session = try await Session.signedIn(
    ///     to: "https://mcp.example.com/mcp", name: "My tool", store: .file("mcp.json"))
    /// ```
    ///
    /// - Parameters:
    ///   - resource: The API's URL. The token is sent to its origin.
    ///   - name: The client name that users see when they are asked for consent.
    ///   - scope: By default all scopes that the API lists.
    ///   - store: Where the sign-in is kept.
    ///   - clientID: The client id, if this client is already registered.
    ///   - keptAt: The file that keeps the registration (mode 0600; it may contain a secret). By default next to a file
    ///     store's file; with other stores the client is registered again each time.
    ///   - request: Further parameters of the sign-in.
    ///   - http: Connection settings.
    ///   - open: Opens the URL, instead of the system's browser. It must not block.
    ///   - show: Shows the user the URL to visit and the code to enter (RFC 8628). It must not block.
    public static func signedIn(
        to resource: String, name: String, scope: String? = nil, store: StoreChoice = .memory,
        clientID: String? = nil, keptAt: String? = nil, request: SignInRequest = SignInRequest(),
        http: HTTPSettings? = nil, open: (@Sendable (URL) throws -> Void)? = nil,
        show: (@Sendable (DeviceCode) throws -> Void)? = nil
    ) async throws -> Session {
        let beside: String? = if case .file(let path) = store { path + ".client" } else { nil }
        let wanted = ApiRequest(
            resource: resource, clientName: name, redirectUri: request.redirectURI, scope: scope, clientId: clientID,
            keptAt: keptAt ?? beside)
        let native = try http?.native()
        let found = try await waiting(for: Inside.Owner()) {
            try await findApi(asked: wanted, http: native, transport: nil, cancel: $0)
        }
        var asked = request
        asked.scope = found.scope ?? request.scope
        asked.resource = [found.resource]
        let login = asking(asked, open, show)
        let session = try Session(
            clientID: found.clientId, clientSecret: found.clientSecret,
            clientAuth: found.clientAuth.map(ClientAuth.init),
            store: store, origins: [found.origin], http: http, server: found.server, login: login)
        return try await session.signed(in: login)
    }

    private static func asking(
        _ request: SignInRequest, _ open: (@Sendable (URL) throws -> Void)?,
        _ show: (@Sendable (DeviceCode) throws -> Void)?
    ) -> LoginFunction {
        { session in
            if let show {
                try await session.signInWithDevice(request, show: show)
            } else {
                try await session.signInWithBrowser(request, open: open)
            }
        }
    }

    private func signed(in login: LoginFunction) async throws -> Session {
        if try await freshStatus().lineage == nil { try await login(self) }
        return self
    }
}
