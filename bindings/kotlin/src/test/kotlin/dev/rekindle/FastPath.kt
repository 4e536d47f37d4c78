package dev.rekindle

import kotlinx.coroutines.runBlocking

/** How long a valid token takes: run by hand, against a library that was built for speed. */
object FastPath {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val session = Session(tokenUrl = "https://auth.example.com/token", credential = Credential("AT-1", "RT-1"))
        session.token()
        report("tokenIfValid", 1_000_000) { session.tokenIfValid()!!.value.length }
        report("token", 100_000) { session.token().value.length }
    }

    private inline fun report(what: String, times: Int, call: () -> Int) {
        var sum = 0
        repeat(times) { sum += call() }
        val start = System.nanoTime()
        repeat(times) { sum += call() }
        val each = (System.nanoTime() - start).toDouble() / times / 1000
        println("%s: %.2f microseconds (%d)".format(what, each, sum))
    }
}
