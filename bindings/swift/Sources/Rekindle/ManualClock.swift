import Foundation
internal import RekindleFFI

/// A clock for tests: it stands still until it is turned. Give it to ``Session``.
public final class ManualClock: Sendable {
    let native = RekindleFFI.ManualClock()

    /// One that stands somewhere in the year 2030.
    public init() {}

    /// Turns the monotonic and the wall clock on.
    public func advance(by time: Duration) {
        native.advance(by: time.notNegative)
    }

    /// Sets the wall clock alone, as a user might.
    public func jumpWall(to time: Date) {
        native.jumpWall(to: time)
    }

    /// What the wall clock shows.
    public var wall: Date {
        native.wall()
    }

    /// How many wait for it.
    public var sleepers: Int {
        Int(native.sleepers())
    }

    /// How long until the next of them is due; zero where one is already.
    public var untilNext: Duration? {
        native.untilNext().map { Duration($0) }
    }

    /// Turns it to the next timer, if that is due within so long; whether there was one.
    public func advanceToTimer(within time: Duration) -> Bool {
        native.advanceToTimer(within: time.notNegative)
    }
}
