internal import RekindleFFI

/// How a server speaks: a preset by its name, or a dialect file.
///
/// ```swift
/// try Session(dialect: "github", ..)
/// ```
public enum Dialect: Sendable, Hashable, ExpressibleByStringLiteral {
    /// One that rekindle brings: `oauth2`, `json`, `google`, ..
    case preset(String)
    /// A dialect file.
    case file(path: String)
    /// A dialect file's text.
    case toml(String)

    /// A preset.
    public init(stringLiteral name: String) {
        self = .preset(name)
    }

    var native: RekindleFFI.Dialect {
        switch self {
        case .preset(let name): .preset(name: name)
        case .file(let path): .file(path: path)
        case .toml(let text): .toml(text: text)
        }
    }
}

/// What a server does with a refresh token that was used.
public enum Rotation: Sendable, Hashable {
    /// There is none: the old one stays usable.
    case reusable
    /// The old one works for this long after its first use.
    case grace(Duration)
    /// The old one works until its successor is used.
    case untilSuccessorUsed
    /// A replay fails; the successor lives.
    case strict
    /// A replay revokes everything that came from the sign-in.
    case strictFamily
    /// It changes only now and then.
    case sometimes
    /// Not known.
    case unknown

    func native() throws -> RekindleFFI.Rotation {
        switch self {
        case .reusable: .reusable
        case .grace(let time): .grace(time: try time.positive("rotation"))
        case .untilSuccessorUsed: .untilSuccessorUsed
        case .strict: .strict
        case .strictFamily: .strictFamily
        case .sometimes: .sometimes
        case .unknown: .unknown
        }
    }
}

/// How a client says who it is to the token endpoint (OpenID Connect Core section 9).
public enum ClientAuth: Sendable, Hashable {
    /// `none`: `client_id` in the body, no secret. (As a case, `none` would read as an absent value.)
    case `public`
    /// HTTP Basic; a client without a secret sends `client_id` in the body.
    case clientSecretBasic
    /// `client_id` and `client_secret` in the body.
    case clientSecretPost
    /// `client_id` and an assertion in the body that the secret signs (RFC 7523).
    case clientSecretJWT
    /// `client_id` and a signed assertion in the body (RFC 7523); it needs a `clientKey`.
    case privateKeyJWT

    var native: RekindleFFI.ClientAuth {
        switch self {
        case .public: .public
        case .clientSecretBasic: .clientSecretBasic
        case .clientSecretPost: .clientSecretPost
        case .clientSecretJWT: .clientSecretJwt
        case .privateKeyJWT: .privateKeyJwt
        }
    }

    init(_ native: RekindleFFI.ClientAuth) {
        switch native {
        case .public: self = .public
        case .clientSecretBasic: self = .clientSecretBasic
        case .clientSecretPost: self = .clientSecretPost
        case .clientSecretJwt: self = .clientSecretJWT
        case .privateKeyJwt: self = .privateKeyJWT
        }
    }
}

/// What a client asks for on its own behalf, without a user (RFC 6749 section 4.4): its ``Session`` needs no token to begin
/// with, and asks for one at the first call that needs it.
public struct ClientCredentials: Sendable, Hashable {
    /// `scope`: names with spaces between them.
    public var scope: String?
    /// `audience`, where the server knows it.
    public var audience: String?
    /// `resource`: the URLs of what the token is for (RFC 8707).
    public var resource: [String]
    /// Further fields, as the server wants them.
    public var parameters: [String: String]

    /// What is left out is not sent.
    public init(
        scope: String? = nil, audience: String? = nil, resource: [String] = [], parameters: [String: String] = [:]
    ) {
        self.scope = scope
        self.audience = audience
        self.resource = resource
        self.parameters = parameters
    }

    var native: RekindleFFI.ClientCredentials {
        RekindleFFI.ClientCredentials(scope: scope, audience: audience, resource: resource, parameters: parameters)
    }
}

extension ClientCredentials: CustomStringConvertible, CustomReflectable {
    /// The names of further fields only: their values may be secrets.
    public var description: String {
        "ClientCredentials(scope: \(scope ?? "none"), parameters: \(parameters.keys.sorted()))"
    }
    /// Nothing: `dump` would show values.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
