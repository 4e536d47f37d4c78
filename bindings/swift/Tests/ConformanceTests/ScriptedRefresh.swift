import Foundation
import Rekindle
import TestSupport

/// A refresh function of the user's, as a case scripts it: gives its results one after the other.
final class ScriptedRefresh: @unchecked Sendable {
    private let lock = NSLock()
    private var results: [JSON]
    private var session: Session?

    init(_ results: [JSON]) {
        self.results = results
    }

    /// The session that it refreshes, once there is one.
    func set(_ session: Session) {
        lock.withLock { self.session = session }
    }

    var function: RefreshFunction {
        { _ in try await self.refresh() }
    }

    private func refresh() async throws -> Credential {
        let next = lock.withLock { results.isEmpty ? JSON.null : results.removeFirst() }
        if next["calls_back"] == true, !(await isRefused()) {
            throw RefreshFailure.notSent(reason: "the session let its own refresh function wait for it")
        }
        switch next["error"]?.string {
        case "login_required": throw RefreshFailure.loginRequired
        case "not_sent": throw RefreshFailure.notSent(reason: "as scripted")
        case .some: throw Unexpected()
        case nil: return returned(next)
        }
    }

    /// Whether the session says that asking it makes no sense.
    private func isRefused() async -> Bool {
        guard let session = lock.withLock({ session }) else { return false }
        do {
            _ = try await session.token()
            return false
        } catch {
            return (error as? RekindleError)?.kind == .misuse
        }
    }

    /// What nobody knows.
    private struct Unexpected: Error {}

    /// Whatever the script says, nothing at all too.
    private func returned(_ next: JSON) -> Credential {
        Credential(
            accessToken: next["access_token"]?.string, refreshToken: next["refresh_token"]?.string,
            expiresIn: next["expires_in"]?.number.map { .milliseconds(Int($0 * 1000)) })
    }
}
