import Foundation
internal import RekindleFFI

/// What a refresh function works with.
public struct Spend: Sendable {
    /// The refresh token. It must not be sent twice.
    public let refreshToken: String
    /// The scope of the last grant.
    public let scope: String?
    /// What came with the last grant.
    public let extra: [String: String]
}

extension Spend: CustomStringConvertible, CustomReflectable {
    /// Without the token.
    public var description: String { "Spend(refreshToken: ***, scope: \(scope ?? "none"))" }
    /// Nothing: `dump` would show the token.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// What a refresh function throws. Anything else that it throws is taken for ``tryLater(reason:)``, but for a `URLError`:
/// what broke on the way may have arrived, so that is ``answerLost``.
public enum RefreshFailure: Error, Sendable, Hashable {
    /// The refresh token is dead. Only this ends the session.
    case loginRequired
    /// It may have been spent, and nobody knows.
    case answerLost
    /// It was not spent; try again later. The reason goes into errors: no secrets.
    case tryLater(reason: String)
}

/// Gets new tokens in a way of your own. It is waited for without a limit.
public typealias RefreshFunction = @Sendable (Spend) async throws -> Credential

final class HostRefresh: RekindleFFI.Refresh {
    private let function: RefreshFunction
    private let owner: Inside.Owner

    init(_ function: @escaping RefreshFunction, _ owner: Inside.Owner) {
        self.function = function
        self.owner = owner
    }

    func refresh(spend: RekindleFFI.Spend) async throws -> Grant {
        let spend = Spend(refreshToken: spend.refreshToken, scope: spend.scope, extra: spend.extra)
        do {
            return try granted(try await Inside.$owner.withValue(owner) { try await function(spend) })
        } catch let failure as RefreshFailure {
            throw failure.native
        } catch let error as RekindleError where error.kind == .loginRequired {
            throw RekindleFFI.RefreshFailure.LoginRequired
        } catch is URLError {
            throw RekindleFFI.RefreshFailure.AnswerLost
        } catch let error as RekindleError {
            throw RekindleFFI.RefreshFailure.TryLater(reason: error.message)
        } catch {
            // Another's text could quote the token.
            let reason = "refreshWith threw \(type(of: error))"
            throw RekindleFFI.RefreshFailure.TryLater(reason: reason)
        }
    }

    private func granted(_ given: Credential) throws -> Grant {
        guard let accessToken = given.accessToken, !accessToken.isEmpty else { throw RefreshFailure.answerLost }
        let lifetime = given.expiresIn?.seconds ?? given.expiresAt?.timeIntervalSinceNow
        return Grant(
            accessToken: accessToken, refreshToken: given.refreshToken, lifetime: lifetime.map { max($0, 0) },
            scope: given.scope, tokenType: given.tokenType, extra: given.extra)
    }
}

extension RefreshFailure {
    fileprivate var native: RekindleFFI.RefreshFailure {
        switch self {
        case .loginRequired: .LoginRequired
        case .answerLost: .AnswerLost
        case .tryLater(let reason): .TryLater(reason: reason)
        }
    }
}
