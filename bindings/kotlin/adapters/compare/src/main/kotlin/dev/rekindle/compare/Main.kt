package dev.rekindle.compare

import kotlin.system.exitProcess

/** `correctness [TIMES]` prints the table of what goes wrong; `speed URL [ROUNDS]` that of what it costs; `rest` that of many sessions. */
fun main(words: Array<String>) {
    when (words.firstOrNull()) {
        "correctness" -> print(correctness(words.getOrNull(1)?.toInt() ?: 3))
        "speed" -> print(speed(words[1], words.getOrNull(2)?.toInt() ?: 15))
        "rest" -> print(rest())
        else -> error("words: correctness [TIMES]; speed URL [ROUNDS]; rest")
    }
    // Clients' threads would keep it alive.
    exitProcess(0)
}
