import Foundation
internal import RekindleFFI

/// Asks the system for time, so that a refresh that began while the app was in front is finished when it goes to the
/// background. It is called with a reason, and gives what ends it.
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
/// Both ends are called from threads of rekindle's own.
public typealias BackgroundWork = @Sendable (_ reason: String) -> @Sendable () -> Void

/// Begins the work with each refresh, and ends it once nothing is under way or unsaved.
final class Awake: @unchecked Sendable {
    /// iOS gives about thirty seconds, and kills who takes more.
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
