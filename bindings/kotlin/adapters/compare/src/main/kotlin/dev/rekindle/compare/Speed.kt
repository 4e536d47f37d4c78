package dev.rekindle.compare

import com.sun.management.OperatingSystemMXBean
import dev.rekindle.Client
import dev.rekindle.Credential
import dev.rekindle.Session
import dev.rekindle.ktor.Rekindle
import dev.rekindle.okhttp.addRekindle
import dev.rekindle.testkit.Tokens
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.plugins.auth.Auth
import io.ktor.client.plugins.auth.providers.BearerTokens
import io.ktor.client.plugins.auth.providers.bearer
import io.ktor.client.request.get
import io.ktor.client.statement.bodyAsBytes
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import okhttp3.OkHttpClient
import okhttp3.Request
import java.lang.management.ManagementFactory
import java.util.concurrent.Executors

/** Requests that are under way at once. */
private const val AT_ONCE = 8

/** Requests of a round. Shorter, the clock for CPU time is too coarse: it beats a hundred times a second. */
private const val ROUND = 4_000

private const val CALLS = 100_000

/** What one round took, for each thing that was done. */
private class Took(val wallNs: Double, val cpuNs: Double)

/** The table: everything is measured in turns, and a ratio is the median of the rounds' ratios. */
fun speed(url: String, rounds: Int): String = Kept(url).use { kept ->
    val lines = kept.tokens(rounds) + kept.requests(rounds)
    "| what | measured | aim | |\n|---|---:|---:|---|\n${lines.joinToString("\n")}\n"
}

private class Kept(private val url: String) : AutoCloseable {
    private val session = Session(
        tokenUrl = "http://127.0.0.1:9/token",
        clientId = "app",
        credential = Credential(accessToken = "at", refreshToken = "rt"),
        origins = listOf(url),
    )
    private val tokens = Tokens("at", "rt")
    private val ours = OkHttpClient.Builder().addRekindle(session).build()
    private val byHand = copied({ tokens }, { }, "http://127.0.0.1:9/token")
    private val ktorOurs = HttpClient(CIO) { install(Rekindle) { session = this@Kept.session } }
    private val ktorBearer = HttpClient(CIO) {
        install(Auth) {
            bearer {
                loadTokens { BearerTokens(tokens.access, tokens.refresh) }
                sendWithoutRequest { true }
            }
        }
    }
    private val client = Client(session, url)
    private val threads = Executors.newFixedThreadPool(AT_ONCE)

    fun tokens(rounds: Int): List<String> {
        runBlocking { session.token() }
        // Compiled to the end only after some hundred thousand calls, and then the compiler's threads rest.
        val (ifValid, waiting) = inTurns(rounds, ::ifValid, ::suspending, warming = 12)
        val (fast, slow) = ifValid.cpuNs() / CALLS to waiting.cpuNs() / CALLS
        return listOf(
            row("tokenIfValid(), CPU of a call", "%.2f µs".format(fast / 1e3), "≤ 3 µs", fast <= 3e3, ""),
            row("token(), suspending, CPU of a call", "%.2f µs".format(slow / 1e3), "stated", true, ""),
        )
    }

    fun requests(rounds: Int): List<String> {
        // A round is over in a tenth of a second, and what else the machine does then weighs much.
        val (hand, kept) = inTurns(rounds * 5, { okhttp(byHand) }, { okhttp(ours) }, warming = 6)
        val (bearer, plugin) = inTurns(rounds, { ktor(ktorBearer) }, { ktor(ktorOurs) })
        val (bare, client) = inTurns(rounds, { okhttp(byHand) }, { client() })
        return listOf(
            ratio("OkHttp with our adapter: requests/s to OkHttp with a hand-written Authenticator", hand, kept, 0.97),
            ratio("Ktor with our plugin: requests/s to Ktor's own bearer plugin", bearer, plugin, 0.97),
            ratio("our Client: requests/s to OkHttp with a hand-written Authenticator", bare, client, null),
        )
    }

    override fun close() {
        threads.shutdown()
        listOf(ours, byHand).forEach { it.end() }
        listOf(ktorOurs, ktorBearer).forEach { it.close() }
        client.close()
        session.close()
    }

    private fun ifValid() = repeat(CALLS) { checkNotNull(session.tokenIfValid()) }

    private fun suspending() = runBlocking { repeat(CALLS) { session.token() } }

    private fun okhttp(client: OkHttpClient) {
        val request = Request.Builder().url("$url/data").build()
        val one = { client.newCall(request).execute().use { check(it.body.bytes().isNotEmpty()) } }
        List(AT_ONCE) { threads.submit { repeat(ROUND / AT_ONCE) { one() } } }.forEach { it.get() }
    }

    private fun ktor(client: HttpClient) = coroutines { check(client.get("$url/data").bodyAsBytes().isNotEmpty()) }

    private fun client() = coroutines { check(client.get("/data").bytes().isNotEmpty()) }

    private fun coroutines(one: suspend () -> Unit) = runBlocking(Dispatchers.Default) {
        repeat(AT_ONCE) { launch { repeat(ROUND / AT_ONCE) { one() } } }
    }
}

/** Each side some times for warming up, then in turns. */
private fun inTurns(rounds: Int, one: () -> Unit, other: () -> Unit, warming: Int = 3): Pair<List<Took>, List<Took>> {
    repeat(warming) {
        one()
        other()
    }
    val pairs = List(rounds) { if (it % 2 == 0) timed(one) to timed(other) else timed(other).let { second -> timed(one) to second } }
    return pairs.unzip()
}

private val system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean::class.java)

private fun timed(work: () -> Unit): Took {
    val (wall, cpu) = System.nanoTime() to system.processCpuTime
    work()
    return Took((System.nanoTime() - wall).toDouble(), (system.processCpuTime - cpu).toDouble())
}

/** On a busy machine the wall clock tells of others. */
private fun List<Took>.cpuNs() = median(map { it.cpuNs })

private fun median(of: List<Double>) = of.sorted()[of.size / 2]

private fun ratio(what: String, base: List<Took>, ours: List<Took>, aim: Double?): String {
    val speed = median(base.zip(ours) { a, b -> a.wallNs / b.wallNs })
    val cpu = median(base.zip(ours) { a, b -> b.cpuNs / a.cpuNs })
    val each = { took: List<Took> -> median(took.map { it.cpuNs }) / ROUND / 1e3 }
    val note = "CPU %.2f×: %.0f µs each, to %.0f µs".format(cpu, each(ours), each(base))
    return row(what, "%.2f×".format(speed), aim?.let { "≥ $it×" } ?: "stated", aim == null || speed >= aim, note)
}

internal fun row(what: String, measured: String, aim: String, isMet: Boolean, note: String) =
    "| $what | $measured | $aim | ${listOf(if (isMet) "" else "**missed**", note).filter(String::isNotEmpty).joinToString("; ")} |"
