package dev.rekindle

import java.time.Instant
import kotlin.time.Duration
import dev.rekindle.ffi.ManualClock as NativeClock

/** A clock that tests turn by hand; it stands still until then. Give it to [Session]. */
public class ManualClock {
    internal val native = NativeClock()

    /** What the wall clock shows. */
    public val wall: Instant get() = native.wall()

    /** How many wait for it. */
    public val sleepers: Int get() = native.sleepers().toInt()

    /** How long until the next of them is due. */
    public val untilNext: Duration? get() = native.untilNext()?.kotlin()

    /** Turns the monotonic and the wall clock on. */
    public fun advance(by: Duration): Unit = native.advance(by.crossing("by"))

    /** Turns both to the next timer, if that is due within so long; whether there was one. */
    public fun advanceToTimer(within: Duration): Boolean = native.advanceToTimer(within.crossing("within"))

    /** Sets the wall clock alone, as a user might. */
    public fun jumpWall(to: Instant): Unit = native.jumpWall(to)
}
