package dev.rekindle.compare

import dev.rekindle.testkit.OtherProcess
import dev.rekindle.testkit.TestServer
import dev.rekindle.testkit.Tokens
import java.nio.file.Files
import java.nio.file.Path
import kotlin.system.exitProcess
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource

/** Whether it went well, and what was seen. */
private class Seen(val isGood: Boolean, val text: String)

/** A contender of its own against a server of its own, whose refresh tokens end everything when they come twice. */
private class Trial(val name: String, val make: (Terms) -> Contender) {
    val server = TestServer("""{"dialect": "json", "rotation": "strict_family"}""")
    val file: Path = Files.createTempDirectory("rekindle").resolve("tokens")
    val tokens: Tokens = server.expired()

    fun run(check: Trial.(Contender) -> Seen): Seen = server.use {
        make(Terms(server.url, file, tokens, DEADLINE)).use { check(it) }
    }

    fun refreshes() = server.count("refresh_requests")

    fun isSignedIn() = server.count("families_revoked") == 0L

    /** What was under way at the server has been answered, and the answer been taken. */
    fun settle() {
        while (server.count("refreshes_under_way") > 0) Thread.sleep(20)
        Thread.sleep(300)
    }
}

/** A call's own; all contenders' calls have it. */
private val DEADLINE = 4.seconds
private const val SOON = 6.0
private const val AT_MOST = 30.0
private const val SLOW = """{"token_latency_ms": 600}"""

/** The columns. */
private val CHECKS: Map<String, Trial.(Contender) -> Seen> = linkedMapOf(
    "cancelled leader" to { it -> cancelledLeader(it) },
    "late 401" to { it -> late(it) },
    "logout during refresh" to { it -> logout(it) },
    "hung refresh" to { it -> hung(it) },
    "two processes" to { _ -> twoProcesses() },
)

private fun Trial.cancelledLeader(it: Contender): Seen {
    server.knobs(SLOW)
    server.play()
    val leader = it.begin("/data")
    server.logOf(2)
    leader.cancel()
    val next = it.begin("/data").ended(AT_MOST)
    return Seen(next.isOk() && isSignedIn(), "${text(next)}, ${signedIn()}")
}

private fun Trial.late(it: Contender): Seen {
    server.play("""{"match": {"path": "/slow"}, "hold": "late"}""")
    val late = it.begin("/slow")
    server.logOf(1)
    val first = it.begin("/data").ended(AT_MOST)
    server.release("late")
    val last = late.ended(AT_MOST)
    return Seen(first.isOk() && last.isOk() && refreshes() == 1L, "${text(last)}, ${refreshes()} refreshes")
}

private fun Trial.logout(it: Contender): Seen {
    server.knobs(SLOW)
    server.play()
    val begun = it.begin("/data")
    server.logOf(2)
    it.signOut()
    begun.ended(AT_MOST)
    settle()
    val before = server.count("accepted")
    it.begin("/data").ended(AT_MOST)
    val isOut = server.count("accepted") == before
    return Seen(isOut, if (isOut) "stays signed out" else "the next request is signed in again")
}

private fun Trial.hung(it: Contender): Seen {
    server.play("""{"match": {"path": "/refresh"}, "hold": "hung"}""")
    val begun = TimeSource.Monotonic.markNow()
    val ended = List(5) { _ -> it.begin("/data") }.map { call -> call.ended(AT_MOST) }
    val took = begun.elapsedNow().inWholeMilliseconds / 1000.0
    server.release("hung")
    settle()
    val next = it.begin("/data").ended(AT_MOST)
    val isGood = null !in ended && took < SOON && next.isOk() && isSignedIn()
    return Seen(isGood, "5 callers with 4 s each took %.1f s; then %s, %s".format(took, text(next), signedIn()))
}

private fun Trial.twoProcesses(): Seen {
    server.knobs(SLOW)
    server.play("""{"match": {"path": "/data"}, "barrier": 2}""")
    val words = arrayOf(name, server.url, file.toString(), tokens.access, tokens.refresh)
    val said = List(2) { OtherProcess("dev.rekindle.compare.OneCall", *words) }.map { it.said() }
    return Seen(said == listOf("200", "200") && isSignedIn(), "${said.joinToString(" and ")}, ${signedIn()}")
}

/** The table, each cell tried so often. */
fun correctness(times: Int): String {
    val head = "| | ${CHECKS.keys.joinToString(" | ")} |\n|---|${"---|".repeat(CHECKS.size)}\n"
    return head + CONTENDERS.entries.joinToString("") { (name, make) ->
        System.err.println(name)
        // Loads its classes, which may take longer than a deadline.
        Trial(name, make).run { it -> it.begin("/data").ended(AT_MOST).let { Seen(true, "") } }
        val cells = CHECKS.entries.map { (what, check) -> cell(what, times) { Trial(name, make).run(check) } }
        "| $name | ${cells.joinToString(" | ")} |\n"
    }
}

private fun cell(what: String, times: Int, trial: () -> Seen): String {
    val seen = List(times) { trial() }
    val good = seen.count { it.isGood }
    System.err.println("  $what: $good of $times; ${seen.last().text}")
    return if (good == times) "yes" else "**no**, $good of $times: ${seen.first { !it.isGood }.text}"
}

private fun Result<Int>?.isOk() = this?.getOrNull() == 200

private fun text(ended: Result<Int>?): String = ended?.fold({ it.toString() }, { it.javaClass.simpleName }) ?: "no end"

private fun Trial.signedIn() = if (isSignedIn()) "signed in" else "signed out by the server"

/** Another process: one call by that contender, with the tokens in that file. */
object OneCall {
    @JvmStatic
    fun main(words: Array<String>) {
        val (name, url, file, access, refresh) = words
        val terms = Terms(url, Path.of(file), Tokens(access, refresh), 20.seconds)
        println(text(CONTENDERS.getValue(name)(terms).begin("/data").ended(AT_MOST)))
        exitProcess(0)
    }
}
