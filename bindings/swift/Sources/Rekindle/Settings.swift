internal import RekindleFFI

/// A server's protocol: a preset's name, or a dialect file.
///
/// ```swift
/// try Session(dialect: "github", ..)
/// ```
public enum Dialect: Sendable, Hashable, ExpressibleByStringLiteral {
    /// A built-in dialect: `oauth2`, `json`, `google`, ..
    case preset(String)
    /// The dialect in this TOML file.
    case file(path: String)
    /// The dialect in this TOML text.
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

/// What a server does with a used refresh token.
public enum Rotation: Sendable, Hashable {
    /// The token stays usable.
    case reusable
    /// The token stays usable for this long after its first use.
    case grace(Duration)
    /// The token stays usable until its successor is used.
    case untilSuccessorUsed
    /// A second use fails; the successor stays valid.
    case strict
    /// A second use revokes all tokens of the sign-in.
    case strictFamily
    /// The server issues a new refresh token only sometimes.
    case sometimes
    /// The server's behaviour is not known.
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

/// How a client authenticates at the token endpoint (OpenID Connect Core section 9).
public enum ClientAuth: Sendable, Hashable {
    /// `none`: `client_id` in the body, no secret. (As a case, `none` would read as an absent value.)
    case `public`
    /// HTTP Basic; a client without a secret sends `client_id` in the body.
    case clientSecretBasic
    /// `client_id` and `client_secret` in the body.
    case clientSecretPost
    /// `client_id` and an assertion in the body, signed with the secret (RFC 7523).
    case clientSecretJWT
    /// `client_id` and an assertion in the body, signed with `clientKey` (RFC 7523).
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

/// The parameters of the client credentials grant (RFC 6749 section 4.4), for tokens without a user. The ``Session`` then
/// needs no first credential, and requests a token at the first call that needs one.
public struct ClientCredentials: Sendable, Hashable {
    /// `scope`, space-separated.
    public var scope: String?
    /// `audience`, for servers that support it.
    public var audience: String?
    /// `resource`: the URLs of the APIs that the token is for (RFC 8707).
    public var resource: [String]
    /// Further parameters.
    public var parameters: [String: String]

    /// Creates parameters; those that are left out are not sent.
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
    /// Shows only the names of further parameters, because their values may be secrets.
    public var description: String {
        "ClientCredentials(scope: \(scope ?? "none"), parameters: \(parameters.keys.sorted()))"
    }
    /// Nothing: `dump` would show values.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
