package dev.rekindle

import kotlinx.coroutines.runBlocking
import java.lang.management.ManagementFactory

/** How long a valid token takes: run by hand, against a library that was built for speed. */
object FastPathCost {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val session = Session(tokenUrl = "https://auth.example.com/token", credential = Credential("AT-1", "RT-1"))
        session.token()
        report("tokenIfValid", 200_000) { session.tokenIfValid()!!.value.length }
        report("tokenIfValid, the generated way", 50_000) { session.native.tokenTag().toInt() }
        report("token", 50_000) { session.token().value.length }
    }

    /** By the thread's own time: what else runs on the machine does not count. */
    private inline fun report(what: String, times: Int, call: () -> Int) {
        val time = ManagementFactory.getThreadMXBean()
        var sum = 0
        repeat(times) { sum += call() }
        val start = time.currentThreadCpuTime
        repeat(times) { sum += call() }
        val each = (time.currentThreadCpuTime - start).toDouble() / times / 1000
        println("%s: %.2f microseconds of CPU (%d)".format(what, each, sum))
    }
}
