import Foundation
internal import RekindleFFI

/// The input of a refresh function.
public struct RefreshInput: Sendable {
    /// The refresh token, if the session has one. Send it at most once.
    public let refreshToken: String?
    /// The scope of the last grant.
    public let scope: String?
    /// The further fields of the last grant.
    public let extra: [String: String]
}

extension RefreshInput: CustomStringConvertible, CustomReflectable {
    /// Omits the token.
    public var description: String { "RefreshInput(refreshToken: ***, scope: \(scope ?? "none"))" }
    /// Empty, so that `dump` does not show the token.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// What a refresh function throws to say what happened to the refresh token. Any other error counts as
/// ``maybeSent(reason:)``.
public enum RefreshFailure: Error, Sendable, Hashable {
    /// The server rejected the refresh token for good. Only this ends the sign-in.
    case loginRequired
    /// Nothing was sent, and the refresh is tried again. The reason is included in errors, so it must contain no secrets.
    case notSent(reason: String)
    /// The refresh token may have been used: it is sent again only as the rotation allows.
    case maybeSent(reason: String)
}

/// Your own refresh function. It has no time limit. If it returns only a refresh token, that is kept, and the refresh fails.
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
            // Another error's message could contain the token.
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

/// Errors of users' functions by number, so that they can be attached as underlying errors: only numbers cross the FFI.
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
