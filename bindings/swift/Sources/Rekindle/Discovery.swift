import Foundation
internal import RekindleFFI

/// What a server says of itself (RFC 8414, OpenID Connect), by its issuer, as text: for the `server` of a ``Session``. It can
/// be kept.
///
/// - Parameters:
///   - http: How the built-in HTTP stack makes its connections: the session's.
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
    /// A session that is signed in, from a client id: in a browser on this machine, or, where `show` is given, on another
    /// device. A store that holds a sign-in already is used, and nobody is asked. When the session can't be kept alive any
    /// more, the user is asked again in the same way, while callers wait.
    ///
    /// ```swift
    /// let session = try await Session.signedIn(at: "google", clientID: "...", store: .file("google.json"))
    /// print(try await Client(session, baseURL: "https://www.googleapis.com").get("/oauth2/v3/userinfo").text)
    /// ```
    ///
    /// Not on a phone, where the app's own link comes back: ``beginSignIn(_:)`` and
    /// ``finishSignIn(pending:callback:)``.
    ///
    /// - Parameters:
    ///   - server: A preset's name (`google`), or an issuer (`https://..`), which is asked for its endpoints.
    ///   - clientID: The client's id at the server.
    ///   - clientSecret: Its secret, if it has one.
    ///   - scope: Names with spaces between them; without it, the dialect's.
    ///   - store: Where the sign-in is kept.
    ///   - origins: Where the token may go. A client's base URL is added by itself.
    ///   - request: What else the sign-in asks for.
    ///   - http: How connections are made.
    ///   - open: Shows the address; without it, the system's browser is opened. It must not block.
    ///   - show: Tells the user where to go and what to type in (RFC 8628). It must not block.
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

    /// A session that is signed in at an API that says itself who signs its users in (RFC 9728), as MCP servers do: the server
    /// is found, this client is registered there (RFC 7591), and the user signs in as with the other one.
    ///
    /// ```swift
    /// let session = try await Session.signedIn(
    ///     to: "https://mcp.example.com/mcp", name: "My tool", store: .file("mcp.json"))
    /// ```
    ///
    /// - Parameters:
    ///   - resource: The API's address. The token is for its origin.
    ///   - name: What users see that they let in.
    ///   - scope: Without it, all that the API knows.
    ///   - store: Where the sign-in is kept.
    ///   - clientID: The client's id, where it is registered already.
    ///   - keptAt: The file that keeps the registration, which may hold a secret (mode 0600): another one would be another
    ///     client. By default beside the store's file; with another store the client is registered anew each time.
    ///   - request: What else the sign-in asks for.
    ///   - http: How connections are made.
    ///   - open: Shows the address; without it, the system's browser is opened. It must not block.
    ///   - show: Tells the user where to go and what to type in (RFC 8628). It must not block.
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
