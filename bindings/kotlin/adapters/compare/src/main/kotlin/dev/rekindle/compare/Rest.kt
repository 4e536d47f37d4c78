package dev.rekindle.compare

import dev.rekindle.App
import dev.rekindle.Credential
import dev.rekindle.Session
import java.lang.management.ManagementFactory
import java.nio.file.Files
import java.nio.file.Path

private const val SESSIONS = 100_000

/** The table of many sessions at rest. The heap must be of one size and touched from the start, so that what grows is ours. */
fun rest(): String {
    // What is made once, the library included, is there before.
    val app = app()
    val held = arrayOfNulls<Session>(SESSIONS)
    repeat(1_000) { app.session("warm-$it", credential(it)) }
    val before = Taken.now()
    val made = timed(SESSIONS) { held[it] = app.session("user-$it", credential(it)) }
    val after = Taken.now()
    val keys = Array(SESSIONS) { "user-${(it * 7_919L % SESSIONS).toInt()}" }
    repeat(3) { timed(SESSIONS) { check(app.session(keys[it]) === held[((it * 7_919L) % SESSIONS).toInt()]) } }
    val found = timed(SESSIONS) { app.session(keys[it]) }
    val heap = (after.heap - before.heap) / SESSIONS
    val outside = (after.resident - before.resident) / SESSIONS
    val lines = listOf(
        row("a session at rest, with its object: 100,000 of one App", "${heap + outside} B", "≤ 3072 B", heap + outside <= 3072, "$heap B of it on the heap"),
        row("app.session(key), CPU of a call", "%.2f µs".format(found), "≤ 5 µs", found <= 5, ""),
        row("app.session(key) for a new key, CPU of a call", "%.2f µs".format(made), "stated", true, ""),
    )
    return "| what | measured | aim | |\n|---|---:|---:|---|\n${lines.joinToString("\n")}\n"
}

private fun app() = App(
    tokenUrl = "http://127.0.0.1:9/token",
    clientId = "app",
    origins = listOf("https://api.example.com"),
    idleSessions = 2 * SESSIONS,
)

private fun credential(number: Int) =
    Credential(accessToken = "at-$number-${"x".repeat(32)}", refreshToken = "rt-$number-${"y".repeat(32)}")

/** Microseconds of this thread's CPU for each. */
private fun timed(times: Int, one: (Int) -> Unit): Double {
    val threads = ManagementFactory.getThreadMXBean()
    val start = threads.currentThreadCpuTime
    repeat(times, one)
    return (threads.currentThreadCpuTime - start).toDouble() / times / 1e3
}

private class Taken(val heap: Long, val resident: Long) {
    companion object {
        private const val PAGE = 4096L

        fun now(): Taken {
            repeat(3) { System.gc() }
            val heap = ManagementFactory.getMemoryMXBean().heapMemoryUsage.used
            val resident = Files.readString(Path.of("/proc/self/statm")).split(' ')[1].toLong() * PAGE
            return Taken(heap, resident)
        }
    }
}
