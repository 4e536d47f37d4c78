import Foundation
internal import RekindleFFI

/// What a refresh function works with.
public struct RefreshInput: Sendable {
    /// The refresh token, if the session has one. It must not be sent twice.
    public let refreshToken: String?
    /// The scope of the last grant.
    public let scope: String?
    /// What came with the last grant.
    public let extra: [String: String]
}

extension RefreshInput: CustomStringConvertible, CustomReflectable {
    /// Without the token.
    public var description: String { "RefreshInput(refreshToken: ***, scope: \(scope ?? "none"))" }
    /// Nothing: `dump` would show the token.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// What a refresh function throws to say what became of the refresh token. Anything else that it throws is taken for
/// ``maybeSent(reason:)``: nobody knows what it did.
public enum RefreshFailure: Error, Sendable, Hashable {
    /// The refresh token is dead. Only this ends the session.
    case loginRequired
    /// Nothing was sent: it is tried again. The reason goes into errors: no secrets.
    case notSent(reason: String)
    /// It may have been spent, and nobody knows: it is sent again only as the rotation allows.
    case maybeSent(reason: String)
}

/// Gets new tokens in a way of your own. It is waited for without a limit. A refresh token without an access token is kept.
public typealias RefreshFunction = @Sendable (RefreshInput) async throws -> Credential

final class HostRefresh: RekindleFFI.Refresh {
    private let function: RefreshFunction
    private let owner: Inside.Owner

    init(_ function: @escaping RefreshFunction, _ owner: Inside.Owner) {
        self.function = function
        self.owner = owner
    }

    func refresh(input: RekindleFFI.RefreshInput) async throws -> TokenResponse {
        let input = RefreshInput(refreshToken: input.refreshToken, scope: input.scope, extra: input.extra)
        do {
            return response(try await Inside.$owner.withValue(owner) { try await function(input) })
        } catch let failure as RefreshFailure {
            throw failure.native
        } catch let error as RekindleError where error.kind == .loginRequired {
            throw RekindleFFI.RefreshFailure.LoginRequired
        } catch {
            // Another's text could quote the token.
            let reason = "the refresh function threw \(type(of: error))"
            throw RekindleFFI.RefreshFailure.MaybeSent(reason: reason, thrown: Thrown.all.keep(error))
        }
    }

    private func response(_ given: Credential) -> TokenResponse {
        let lifetime = given.expiresIn?.seconds ?? given.expiresAt?.timeIntervalSinceNow
        return TokenResponse(
            accessToken: given.accessToken, refreshToken: given.refreshToken, lifetime: lifetime.map { max($0, 0) },
            scope: given.scope, tokenType: given.tokenType, extra: given.extra)
    }
}

/// What refresh functions threw, until it comes back as an underlying error: objects do not cross the border, numbers do.
final class Thrown: @unchecked Sendable {
    static let all = Thrown()
    private static let most: UInt64 = 64
    private let lock = NSLock()
    private var next: UInt64 = 0
    private var kept: [UInt64: any Error] = [:]

    func keep(_ error: any Error) -> UInt64 {
        lock.withLock {
            next += 1
            kept[next] = error
            if next > Self.most { kept[next - Self.most] = nil }
            return next
        }
    }

    func find(_ number: UInt64) -> (any Error)? {
        lock.withLock { kept[number] }
    }
}

extension RefreshFailure {
    fileprivate var native: RekindleFFI.RefreshFailure {
        switch self {
        case .loginRequired: .LoginRequired
        case .notSent(let reason): .NotSent(reason: reason)
        case .maybeSent(let reason): .MaybeSent(reason: reason, thrown: nil)
        }
    }
}
