import Foundation
internal import RekindleFFI

/// Asks the system for background time, so that a refresh that started in the foreground can finish after the app moves to
/// the background. It is called with a reason, and returns a function that ends the background work.
///
/// In an app (`UIApplication`), or anywhere on Apple's systems with `ProcessInfo.performExpiringActivity`:
///
/// ```swift
/// let session = try Session(.., backgroundWork: { reason in
///     let work = application.beginBackgroundTask(withName: reason)
///     return { application.endBackgroundTask(work) }
/// })
/// ```
///
/// Both functions are called on rekindle's own threads.
public typealias BackgroundWork = @Sendable (_ reason: String) -> @Sendable () -> Void

/// Begins background work with each refresh, and ends it when no work is in progress and nothing is unsaved.
final class Awake: @unchecked Sendable {
    /// iOS grants about thirty seconds, and ends an app that takes longer.
    private static let most: TimeInterval = 25

    private let begin: BackgroundWork
    private let lock = NSLock()
    private weak var session: RekindleFFI.Session?

    init(_ begin: @escaping BackgroundWork) {
        self.begin = begin
    }

    func watch(_ session: RekindleFFI.Session) {
        lock.withLock { self.session = session }
    }

    func hear(_ event: Event) {
        guard case .refreshStarted = event.kind, let session = lock.withLock({ session }) else { return }
        let end = begin("rekindle: refresh")
        Task.detached {
            _ = try? await session.shutdown(most: Self.most, cancel: nil)
            end()
        }
    }
}
