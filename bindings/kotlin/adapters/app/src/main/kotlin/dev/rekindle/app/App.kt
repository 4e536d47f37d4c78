package dev.rekindle.app

import dev.rekindle.Client
import dev.rekindle.Credential
import dev.rekindle.Dialect
import dev.rekindle.Event
import dev.rekindle.RekindleException
import dev.rekindle.Session
import dev.rekindle.okhttp.RekindleIOException
import dev.rekindle.okhttp.addRekindle
import kotlinx.coroutines.runBlocking
import okhttp3.OkHttpClient
import okhttp3.Request
import java.nio.file.Path
import java.util.concurrent.ConcurrentLinkedQueue
import javax.crypto.KeyGenerator
import kotlin.system.exitProcess

/** An app: a refresh by OkHttp, a request by the client, a sign-out, an error. Says what came of each. */
fun main(words: Array<String>) {
    val (url, access, refresh, file) = words
    // In place of the Keystore's.
    val key = KeyGenerator.getInstance("AES").generateKey()
    val events = ConcurrentLinkedQueue<Event>()
    val session = Session(
        dialect = Dialect("json"),
        tokenUrl = "$url/refresh",
        credential = Credential(accessToken = access, refreshToken = refresh),
        store = SealedFileStore(Path.of(file)) { key },
        origins = listOf(url),
        onEvent = { events += it },
    )
    val http = OkHttpClient.Builder().addRekindle(session).build()
    val request = Request.Builder().url("$url/data").build()
    println(http.newCall(request).execute().use { it.code })
    println(runBlocking { Client(session, url).get("/data").status })
    println(session.tokenIfValid() != null)
    runBlocking { session.signOut() }
    val refused = runCatching { http.newCall(request).execute() }.exceptionOrNull()
    println((refused as? RekindleIOException)?.error is RekindleException.SignedOut)
    println(events.isNotEmpty())
    exitProcess(0)
}
