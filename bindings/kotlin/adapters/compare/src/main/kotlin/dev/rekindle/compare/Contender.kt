package dev.rekindle.compare

import dev.rekindle.testkit.Tokens
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.CancellationException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException
import java.util.concurrent.TimeUnit
import java.util.concurrent.TimeoutException
import kotlin.time.Duration

/** What a contender is given: an API, a file for the tokens, and how long a call may take. */
class Terms(val url: String, val file: Path, val tokens: Tokens, val deadline: Duration)

/** One way to keep a client signed in. */
interface Contender : AutoCloseable {
    /** Begins a GET of that path. */
    fun begin(path: String): Under

    /** The user signs out. */
    fun signOut()
}

/** A call under way. */
class Under(private val answer: CompletableFuture<Int>, private val stop: () -> Unit) {
    fun cancel() = stop()

    /** The status; what the call failed with; or nothing, if it goes on after that time. */
    fun ended(seconds: Double): Result<Int>? = try {
        Result.success(answer.get((seconds * 1000).toLong(), TimeUnit.MILLISECONDS))
    } catch (failed: ExecutionException) {
        Result.failure(failed.cause ?: failed)
    } catch (cancelled: CancellationException) {
        Result.failure(cancelled)
    } catch (_: TimeoutException) {
        null
    }
}

/** Where apps that do it by hand keep tokens: a file of their preferences, read and written as a whole. */
class TokenFile(private val file: Path, first: Tokens?) {
    init {
        if (first != null && !Files.exists(file)) write(first)
    }

    fun read(): Tokens? = file.takeIf(Files::exists)?.let(Files::readAllLines)?.takeIf { it.size == 2 }?.let { Tokens(it[0], it[1]) }

    fun write(tokens: Tokens) {
        Files.writeString(file, "${tokens.access}\n${tokens.refresh}")
    }

    fun clear() {
        Files.deleteIfExists(file)
    }
}

/** The rows, by the words that a second process is started with. */
val CONTENDERS: Map<String, (Terms) -> Contender> = linkedMapOf(
    "rekindle in OkHttp" to ::RekindleOkHttp,
    "rekindle in Ktor" to ::RekindleKtor,
    "Ktor's bearer plugin" to { terms -> KtorBearer(terms, outlives = false) },
    "the same, nonCancellableRefresh" to { terms -> KtorBearer(terms, outlives = true) },
    "OkHttp, copied Authenticator" to ::CopiedAuthenticator,
)
