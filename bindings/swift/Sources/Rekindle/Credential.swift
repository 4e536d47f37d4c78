import Foundation
internal import RekindleFFI

/// The tokens of one sign-in. Printing one shows none of them.
public struct Credential: Sendable {
    /// The access token, if there is one.
    public var accessToken: String?
    /// The refresh token. Without one, the access token is served until it expires.
    public var refreshToken: String?
    /// The access token's remaining lifetime. Set this or ``expiresAt``.
    public var expiresIn: Duration?
    /// When the access token expires.
    public var expiresAt: Date?
    /// When the refresh token expires, if the server said so.
    public var refreshTokenExpiresAt: Date?
    /// The granted scope, as the server wrote it.
    public var scope: String?
    /// `Bearer` unless the server said otherwise.
    public var tokenType: String?
    /// Further fields to keep with the tokens, such as an instance URL or an issuer.
    public var extra: [String: String]

    /// Creates a credential.
    public init(
        accessToken: String? = nil, refreshToken: String? = nil, expiresIn: Duration? = nil,
        expiresAt: Date? = nil, refreshTokenExpiresAt: Date? = nil, scope: String? = nil, tokenType: String? = nil,
        extra: [String: String] = [:]
    ) {
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.expiresIn = expiresIn
        self.expiresAt = expiresAt
        self.refreshTokenExpiresAt = refreshTokenExpiresAt
        self.scope = scope
        self.tokenType = tokenType
        self.extra = extra
    }

    /// The engine rejects impossible times; a negative one cannot be passed to it.
    func native() -> RekindleFFI.Credential {
        RekindleFFI.Credential(
            accessToken: accessToken, refreshToken: refreshToken,
            expiresIn: expiresIn?.notNegative, expiresAt: expiresAt,
            refreshTokenExpiresAt: refreshTokenExpiresAt, scope: scope,
            tokenType: tokenType, extra: extra)
    }
}

extension Credential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Omits the tokens.
    public var description: String {
        let shown = [
            accessToken.map { _ in "accessToken: ***" }, refreshToken.map { _ in "refreshToken: ***" },
            expiresIn.map { "expiresIn: \($0)" }, expiresAt.map { "expiresAt: \($0)" },
            refreshTokenExpiresAt.map { "refreshTokenExpiresAt: \($0)" }, scope.map { "scope: \($0)" },
        ]
        return "Credential(\(shown.compactMap { $0 }.joined(separator: ", ")))"
    }
    /// Omits the tokens.
    public var debugDescription: String { description }
    /// Empty, so that `dump` shows no tokens.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
