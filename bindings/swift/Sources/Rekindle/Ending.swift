import Foundation
internal import RekindleFFI

/// At its end, the process waits for refreshes in progress, unsaved credentials and undelivered events, including those of
/// released sessions, for at most five seconds in total. So a program that exits early loses none of them.
final class Ending: @unchecked Sendable {
    static let all = Ending()

    private let lock = NSLock()
    private var kept: [ObjectIdentifier: any Unsettled] = [:]
    /// Sessions and apps that were not settled when they were released.
    private var lingering: [any Unsettled] = []

    private init() {
        atexit { Ending.all.end() }
    }

    func seesOut(_ one: any Unsettled) {
        lock.withLock { kept[ObjectIdentifier(one)] = one }
    }

    /// It is no longer referenced.
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

/// A session or app that may have work in progress.
protocol Unsettled: AnyObject, Sendable {
    func isSettled() -> Bool
    func shutdown(most: TimeInterval, cancel: CancelToken?) async throws -> Bool
}

extension RekindleFFI.Session: Unsettled {}
extension RekindleFFI.App: Unsettled {}
