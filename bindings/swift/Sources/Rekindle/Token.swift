import Foundation
internal import RekindleFFI

/// An access token. Printing it shows nothing of it; pass ``value`` or ``authorization`` only to the HTTP client.
public struct Token: Sendable {
    /// The token itself.
    public let value: String
    /// The value of the header that carries the token: `Bearer ..`.
    public let authorization: String
    /// The name of the header that carries the token, in lower case.
    public let headerName: String
    /// Increases by one with each new access token of a sign-in.
    public let generation: UInt64
    /// When the token expires, if that is known.
    public let expiresAt: Date?

    /// Kept as long as the token, because the engine distinguishes tokens by it.
    let native: RekindleFFI.Token

    init(_ native: RekindleFFI.Token) {
        let details = native.details()
        value = details.value
        authorization = details.authorization
        headerName = details.headerName
        generation = details.generation
        expiresAt = details.expiresAt
        self.native = native
    }
}

extension Token: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Omits the token.
    public var description: String {
        "Token(value: ***, generation: \(generation), expiresAt: \(expiresAt.map { "\($0)" } ?? "unknown"))"
    }
    /// Omits the token.
    public var debugDescription: String { description }
    /// Empty, so that `dump` does not show the token.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The token that was served last. While it is valid, only one number crosses the FFI, and no text.
final class LastToken: @unchecked Sendable {
    private let lock = NSLock()
    private var last: (tag: UInt64, token: Token)?

    func ifValid(_ session: RekindleFFI.Session) -> Token? {
        let tag = session.tokenTag()
        guard tag != 0 else { return nil }
        if let kept = lock.withLock({ last }), kept.tag == tag { return kept.token }
        guard let native = session.tokenIfValid() else { return nil }
        let token = Token(native)
        lock.withLock { last = (native.tag(), token) }
        return token
    }
}
