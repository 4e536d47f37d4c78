package dev.rekindle

import java.time.Instant
import kotlin.time.Duration
import dev.rekindle.ffi.ManualClock as NativeClock

/** A clock for tests, passed to [Session]. It advances only when told to. */
public class ManualClock {
    internal val native = NativeClock()

    /** The wall clock's time. */
    public val wall: Instant get() = native.wall()

    /** The number of pending timers. */
    public val sleepers: Int get() = native.sleepers().toInt()

    /** The time until the next timer is due; `null` if there is none. */
    public val untilNext: Duration? get() = native.untilNext()?.kotlin()

    /** Advances the monotonic clock and the wall clock. */
    public fun advance(by: Duration): Unit = native.advance(by.crossing("by"))

    /** Advances both clocks to the next timer, if that is due within this time. Returns whether there was one. */
    public fun advanceToTimer(within: Duration): Boolean = native.advanceToTimer(within.crossing("within"))

    /** Sets only the wall clock, as when a user changes the system time. */
    public fun jumpWall(to: Instant): Unit = native.jumpWall(to)
}
