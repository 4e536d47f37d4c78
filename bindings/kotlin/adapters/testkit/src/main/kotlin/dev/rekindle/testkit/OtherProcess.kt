package dev.rekindle.testkit

import java.nio.file.Path

/** Another JVM with this one's class path, that runs the `main` of [mainClass]; what it prints is what it says. */
class OtherProcess(mainClass: String, vararg words: String) {
    private val process = ProcessBuilder(listOf(java(), "-cp", classPath(), mainClass) + words)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start()

    /** All that it printed, once it has ended. */
    fun said(): String = process.inputStream.bufferedReader().readText().trim().also { process.waitFor() }

    private companion object {
        fun java(): String = Path.of(System.getProperty("java.home"), "bin", "java").toString()

        // Surefire starts from a jar that only names others.
        fun classPath(): String = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
    }
}
