import Foundation
internal import RekindleFFI

/// The end of a program waits for a refresh that is under way, a credential that is not saved yet and events that nobody has
/// heard yet, of all sessions together five seconds at most: a program that ends at once loses none of them, also of sessions
/// that nobody holds any more.
final class Ending: @unchecked Sendable {
    static let all = Ending()

    private let lock = NSLock()
    private var kept: [ObjectIdentifier: any Unsettled] = [:]
    /// Of those that nobody holds any more, those that were not settled then.
    private var lingering: [any Unsettled] = []

    private init() {
        atexit { Ending.all.end() }
    }

    func seesOut(_ one: any Unsettled) {
        lock.withLock { kept[ObjectIdentifier(one)] = one }
    }

    /// Nobody holds it any more.
    func lets(go one: any Unsettled) {
        lock.withLock {
            kept[ObjectIdentifier(one)] = nil
            lingering.removeAll { $0.isSettled() }
            if !one.isSettled() { lingering.append(one) }
        }
    }

    private func end() {
        let unsettled = lock.withLock { Array(kept.values) + lingering }.filter { !$0.isSettled() }
        guard !unsettled.isEmpty else { return }
        let (done, until) = (DispatchSemaphore(value: 0), DispatchTime.now() + 5)
        Task.detached {
            await withTaskGroup(of: Void.self) { group in
                for one in unsettled { group.addTask { _ = try? await one.shutdown(most: 5, cancel: nil) } }
            }
            done.signal()
        }
        _ = done.wait(timeout: until)
    }
}

/// What may have work left.
protocol Unsettled: AnyObject, Sendable {
    func isSettled() -> Bool
    func shutdown(most: TimeInterval, cancel: CancelToken?) async throws -> Bool
}

extension RekindleFFI.Session: Unsettled {}
extension RekindleFFI.App: Unsettled {}
