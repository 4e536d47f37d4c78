import Foundation
internal import RekindleFFI

/// The tokens of one sign-in. Printing one shows none of them.
public struct Credential: Sendable {
    /// The access token, if there is one already.
    public var accessToken: String?
    /// The refresh token. Without one the access token is served to its end.
    public var refreshToken: String?
    /// How long the access token lives from now on. This or ``expiresAt``.
    public var expiresIn: Duration?
    /// When it ends.
    public var expiresAt: Date?
    /// When the refresh token ends, if the server said so.
    public var refreshTokenExpiresAt: Date?
    /// The granted scope, as the server wrote it.
    public var scope: String?
    /// `Bearer` unless the server said otherwise.
    public var tokenType: String?
    /// What must come back with the tokens: instance URL, issuer, and the like.
    public var extra: [String: String]

    /// A credential of these parts.
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

    /// A time that cannot be is the engine's to refuse; one below zero has no form on the way there.
    func native() -> RekindleFFI.Credential {
        RekindleFFI.Credential(
            accessToken: accessToken, refreshToken: refreshToken,
            expiresIn: expiresIn?.notNegative, expiresAt: expiresAt,
            refreshTokenExpiresAt: refreshTokenExpiresAt, scope: scope,
            tokenType: tokenType, extra: extra)
    }
}

extension Credential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Without the tokens.
    public var description: String {
        let shown = [
            accessToken.map { _ in "accessToken: ***" }, refreshToken.map { _ in "refreshToken: ***" },
            expiresIn.map { "expiresIn: \($0)" }, expiresAt.map { "expiresAt: \($0)" },
            refreshTokenExpiresAt.map { "refreshTokenExpiresAt: \($0)" }, scope.map { "scope: \($0)" },
        ]
        return "Credential(\(shown.compactMap { $0 }.joined(separator: ", ")))"
    }
    /// Without the tokens.
    public var debugDescription: String { description }
    /// Nothing: `dump` would show the tokens.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
