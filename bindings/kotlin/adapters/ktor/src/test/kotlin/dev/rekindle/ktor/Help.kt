package dev.rekindle.ktor

import dev.rekindle.Session
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking

internal fun client(kept: Session): HttpClient = HttpClient(CIO) {
    install(Rekindle) { session = kept }
}

/** In real time, for the servers are real; JUnit wants to see nothing come back. */
internal fun test(run: suspend CoroutineScope.() -> Unit) = runBlocking { run() }
