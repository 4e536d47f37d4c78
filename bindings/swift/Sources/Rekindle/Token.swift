import Foundation
internal import RekindleFFI

/// An access token. Printing it shows nothing of it: put ``value`` or ``authorization`` where they must go, and nowhere
/// else.
public struct Token: Sendable {
    /// The token itself.
    public let value: String
    /// The value of the header that carries it: `Bearer ..`.
    public let authorization: String
    /// That header's name, in lower case.
    public let headerName: String
    /// One higher with each new access token of a sign-in.
    public let generation: UInt64
    /// When it ends, if that is known.
    public let expiresAt: Date?

    /// Kept as long as the token: the engine tells tokens apart by it.
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
    /// Without the token.
    public var description: String {
        "Token(value: ***, generation: \(generation), expiresAt: \(expiresAt.map { "\($0)" } ?? "unknown"))"
    }
    /// Without the token.
    public var debugDescription: String { description }
    /// Nothing: `dump` would show the token.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The token that was served last: while it is the valid one, one number crosses the border and no text.
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
