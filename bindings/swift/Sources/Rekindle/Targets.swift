import Foundation
internal import RekindleFFI

/// A valid token, and the headers that carry it.
final class ReadyToken: Sendable {
    let token: RekindleFFI.Token
    let tag: UInt64
    let added: Added

    init(_ token: RekindleFFI.Token, _ added: Added) {
        (self.token, self.added) = (token, added)
        tag = token.tag()
    }
}

/// One of a session's origins, with a fast path to its token.
final class KnownTarget: @unchecked Sendable {
    let native: Target
    /// Whether a response with a status below 400 may reject the token; constant.
    let judgesSuccess: Bool
    private let lock = NSLock()
    private var last: ReadyToken?

    init(_ native: Target) {
        self.native = native
        judgesSuccess = native.judgesSuccess()
    }

    /// The token with this tag, or the one that replaced it; `nil` if none is valid any more.
    func ready(_ tag: UInt64) -> ReadyToken? {
        if let held = lock.withLock({ last }), held.tag == tag & ~Self.watched { return held }
        guard let token = native.token() else { return nil }
        let ready = ReadyToken(token, Added(native.headers(token: token)))
        lock.withLock { last = ready }
        return ready
    }

    /// Whether the session needs to see the next accepted response to a request with the token of this tag.
    static func watches(_ tag: UInt64) -> Bool { tag & watched != 0 }

    private static let watched: UInt64 = 1
}

/// A session's origins that requests have been sent to.
final class Targets: @unchecked Sendable {
    private let session: RekindleFFI.Session
    private let lock = NSLock()
    /// Only listed origins, so there are few.
    private var known: [String: KnownTarget] = [:]
    /// The names of headers that carry credentials. A request with one of them is not signed.
    private lazy var credentialHeaders = session.credentialHeaders()

    init(_ session: RekindleFFI.Session) {
        self.session = session
    }

    /// Whether one of these headers carries a credential.
    func isCredential(in headers: [Header]) -> Bool {
        if headers.isEmpty { return false }
        let names = lock.withLock { credentialHeaders }
        return headers.contains { header in names.contains { header.name.isSame($0) } }
    }

    /// The target of this URL; `nil` if its origin is not listed.
    func of(_ url: String) throws -> KnownTarget? {
        let origin = String(url.origin)
        if let target = lock.withLock({ known[origin] }) { return target }
        guard let native = try translated({ try session.target(url: url) }) else { return nil }
        let target = KnownTarget(native)
        // An entry for each user name and password would be unbounded.
        if !origin.contains("@") { lock.withLock { known[origin] = target } }
        return target
    }
}

extension String {
    /// Everything before the path.
    fileprivate var origin: Substring {
        let slashes: [UInt8] = [0x2F, 0x3F, 0x23, 0x5C]
        guard let scheme = utf8.firstIndex(of: 0x3A) else { return self[...] }
        let host = utf8.index(scheme, offsetBy: 3, limitedBy: utf8.endIndex) ?? utf8.endIndex
        let end = utf8[host...].firstIndex { slashes.contains($0) } ?? utf8.endIndex
        return self[..<end]
    }
}
