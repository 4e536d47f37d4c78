package dev.rekindle.conformance

import dev.rekindle.Session
import dev.rekindle.text
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Job
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import java.nio.file.Files
import java.nio.file.Path
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.seconds

/** Cases that are not played here, each with the reason. */
private val SKIPPED: Map<String, String> = mapOf()

/** A case that takes longer hangs. */
private val PATIENCE = 120.seconds

/** How long is waited for events that the case expects and that have not come yet. */
private const val EVENTS_MS = 30_000

/** Every case of `tests/conformance` is a test of its own; the cases that must fail prove that the runner looks. */
class ConformanceTest {
    @TestFactory
    fun cases(): List<DynamicTest> {
        val cases = read("cases.json")
        val unknown = SKIPPED.keys - cases.map { it.text("id")!! }.toSet()
        assertTrue(unknown.isEmpty(), "the skip list names $unknown, which are no cases")
        return cases.map { case ->
            DynamicTest.dynamicTest("${case.text("topic")}::${case.text("id")}") {
                val why = SKIPPED[case.text("id")]
                assumeTrue(why == null, why)
                val complaints = play(case)
                assertTrue(complaints.isEmpty(), complaints.joinToString("\n"))
            }
        }
    }

    @TestFactory
    fun mustFail(): List<DynamicTest> = read("must-fail.json").map { case ->
        DynamicTest.dynamicTest("must_fail::${case.text("id")}") {
            val wanted = case.text("complaint")!!
            val complaints = play(case)
            assertTrue(complaints.any { wanted in it }, "expected: $wanted\nfound: ${complaints.joinToString("\n")}")
        }
    }

}

/**
 * The cases that hold for adapters too, played through one. [beyond]: those that its HTTP client cannot play, with the reason;
 * they must fail.
 */
fun adapterCases(beyond: Map<String, String>, through: (Session) -> Through): List<DynamicTest> {
    val cases = read("cases.json").filter { it.flag("adapters") == true }
    val unknown = beyond.keys - cases.map { it.text("id")!! }.toSet()
    assertTrue(unknown.isEmpty(), "the list of what cannot be played names $unknown, which are no such cases")
    return cases.map { case ->
        val id = case.text("id")!!
        val why = beyond[id]
        DynamicTest.dynamicTest("${case.text("topic")}::$id" + why?.let { " cannot be played: $it" }.orEmpty()) {
            val complaints = play(case, through)
            if (why == null) assertTrue(complaints.isEmpty(), complaints.joinToString("\n"))
            else assertTrue(complaints.isNotEmpty(), "it can be played: take it off the list")
        }
    }
}

private fun read(file: String): List<JsonObject> {
    val folders = generateSequence(Path.of("").toAbsolutePath()) { it.parent }.map { it.resolve("tests/conformance") }
    val text = Files.readString(folders.map { it.resolve(file) }.first(Files::exists))
    return Json.parseToJsonElement(text).jsonObject["cases"]!!.jsonArray.map { it.jsonObject }
}

/** Everything that is not as the case says. On one thread: what the case says last has happened last. */
private fun play(case: JsonObject, through: ((Session) -> Through)? = null): List<String> = Stage(case, through).use { stage ->
    runBlocking {
        try {
            withTimeout(PATIENCE) { play(stage) }
        } catch (_: TimeoutCancellationException) {
            stage.complaints += "it hangs: ${stage.server.complaints()}"
        } catch (complaint: Complaint) {
            stage.complaints += complaint.message!!
        }
    }
    stage.complaints.toList()
}

private suspend fun play(stage: Stage) {
    val case = stage.case
    if (case.flag("lazy") != true) stage.make("main", JsonObject(emptyMap()))
    val expect = case["expect"] as? JsonObject ?: JsonObject(emptyMap())
    coroutineScope {
        val lanes = LinkedHashMap<String, Job>()
        case["operations"]!!.jsonArray.forEachIndexed { at, operation -> step(stage, lanes, at, operation.jsonObject) }
        lanes.values.forEach { it.join() }
    }
    lateEvents(stage, expect)
    check(stage, expect)
}

private suspend fun CoroutineScope.step(stage: Stage, lanes: MutableMap<String, Job>, at: Int, operation: JsonObject) {
    val lane = operation.text("lane")
    val of = operation.text("of")
    fun other() = lanes.remove(of) ?: throw Complaint("operations[$at]: there is no lane `$of`")
    when {
        operation.text("op") == "cancel" -> other().cancelAndJoin()
        operation.text("op") == "wait_for" && lane == null && of != null -> other().join()
        lane != null -> {
            val before = lanes.remove(lane)
            lanes[lane] = launch {
                before?.join()
                try {
                    perform(stage, at, operation)
                } catch (complaint: Complaint) {
                    stage.complaints += "lane $lane: ${complaint.message}"
                }
            }
        }
        else -> perform(stage, at, operation)
    }
}

/** Carries it out as often as it says, all at once, and compares what it gives. */
private suspend fun perform(stage: Stage, at: Int, operation: JsonObject) = coroutineScope {
    val once: suspend () -> String? = {
        asExpected(operation["expect"], act(stage, operation.text("session") ?: "main", operation))
    }
    val times = operation["times"]?.jsonPrimitive?.int ?: 1
    val complaints = try {
        List(times) { async(start = CoroutineStart.UNDISPATCHED) { once() } }.awaitAll()
    } catch (complaint: Complaint) {
        listOf(complaint.message)
    }
    complaints.firstNotNullOfOrNull { it }?.let { throw Complaint("operations[$at]: $it") }
}

private fun asExpected(expect: JsonElement?, result: JsonObject): String? {
    val error = result["error"]
    if (error != null && (expect as? JsonObject)?.contains("error") != true) return "result.error: $error, expected none"
    return expect?.let { difference(it, result, "result") }
}

/** Events come on a thread of their own: those that were counted, and those that are expected, are waited for. */
private suspend fun lateEvents(stage: Stage, expect: JsonObject) {
    val wanted = (expect["events"] as? JsonArray) ?: return
    repeat(EVENTS_MS) {
        if (stage.sessions.all { (name, kept) -> hasHeard(stage, name, kept, wanted) }) return
        delay(1)
    }
}

private fun hasHeard(stage: Stage, name: String, kept: Kept, wanted: JsonArray): Boolean {
    // These two count something else than events.
    val happened = kept.session.stats().filterKeys { it != "waiters" && it != "dropped" }.values.sum()
    val heard = kept.heard.map(stage.results::event)
    val all = wanted.filter { sessionOf(it) == name }
        .all { event -> heard.any { difference(eventPattern(event), it, "") == null } }
    return heard.size >= happened && all
}

private fun sessionOf(event: JsonElement): String = (event as? JsonObject)?.text("session") ?: "main"

/** A name alone stands for any event of that name. */
fun eventPattern(event: JsonElement): JsonElement = when (event) {
    is JsonObject -> JsonObject(event - "session" - "times")
    is JsonPrimitive -> JsonObject(mapOf("name" to event))
    else -> event
}

/** Compares everything that the case names, and what holds for every case. */
private fun check(stage: Stage, expect: JsonObject) {
    stage.sessions.forEach { (name, kept) -> checkSession(stage, name, kept, expect) }
    served(stage, "server", stage.server, expect["server_log"])
    stage.other?.let { served(stage, "other", it, expect["other_log"]) }
    expect["model"]?.let { complain(stage, difference(it, stage.server.counters(), "model")) }
    expect["stored"]?.let { complain(stage, difference(it, stored(stage), "stored")) }
}

private fun checkSession(stage: Stage, name: String, kept: Kept, expect: JsonObject) {
    stage.results.mustNotLeak("a session's text", kept.session.toString())
    stage.results.mustNotLeak("the counters", kept.session.prometheus())
    (expect["events"] as? JsonArray)?.let { events ->
        val wanted = events.filter { sessionOf(it) == name }.flatMap { event ->
            val times = (event as? JsonObject)?.get("times")?.jsonPrimitive?.int ?: 1
            List(times) { eventPattern(event) }
        }
        complain(stage, compare(wanted, kept.heard.map(stage.results::event), name))
    }
    val counters = expect["counters"] as? JsonObject ?: return
    val pattern = if (name == "main") counters else counters[name] as? JsonObject ?: return
    val own = pattern.filterValues { it !is JsonObject || it.keys.any { key -> key.startsWith("$") } }
    complain(stage, difference(JsonObject(own), stage.results.counters(kept.session), "counters of $name"))
}

private fun compare(wanted: List<JsonElement>, heard: List<JsonObject>, name: String): String? {
    fun names(events: List<JsonElement>) = events.map { "\"${(it as? JsonObject)?.text("name") ?: "any"}\"" }
    if (wanted.size != heard.size) return "events of $name: ${names(heard)} instead of ${names(wanted)}"
    return wanted.indices.firstNotNullOfOrNull { difference(wanted[it], heard[it], "events of $name[$it]") }
}

/** The script is used up, nothing else was asked for, and each entry was seen as often as it says. */
private fun served(stage: Stage, name: String, server: Server, wanted: JsonElement?) {
    server.complaints().forEach { stage.complaints += "$name: $it" }
    val log = server.log()
    for (entry in (wanted as? JsonArray).orEmpty()) {
        val pattern = JsonObject(entry.jsonObject - "count")
        val found = JsonPrimitive(log.count { difference(pattern, it, "") == null })
        val count = entry.jsonObject["count"] ?: JsonPrimitive(1)
        complain(stage, difference(count, found, "$name: count of $pattern"))
    }
}

private fun complain(stage: Stage, complaint: String?) {
    complaint?.let { stage.complaints += it }
}
