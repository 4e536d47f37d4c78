import Foundation
internal import RekindleFFI

/// A clock for tests, passed to ``Session``. It advances only when told to.
public final class ManualClock: Sendable {
    let native = RekindleFFI.ManualClock()

    /// Creates a clock that shows a time in the year 2030.
    public init() {}

    /// Advances the monotonic clock and the wall clock.
    public func advance(by time: Duration) {
        native.advance(by: time.notNegative)
    }

    /// Sets only the wall clock, as when a user changes the system time.
    public func jumpWall(to time: Date) {
        native.jumpWall(to: time)
    }

    /// The wall clock's time.
    public var wall: Date {
        native.wall()
    }

    /// The number of pending timers.
    public var sleepers: Int {
        Int(native.sleepers())
    }

    /// The time until the next timer is due; zero if one is due already.
    public var untilNext: Duration? {
        native.untilNext().map { Duration($0) }
    }

    /// Advances both clocks to the next timer, if that is due within this time. Returns whether there was one.
    public func advanceToTimer(within time: Duration) -> Bool {
        native.advanceToTimer(within: time.notNegative)
    }
}
