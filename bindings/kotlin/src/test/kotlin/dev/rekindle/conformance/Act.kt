package dev.rekindle.conformance

import dev.rekindle.Body
import dev.rekindle.Client
import dev.rekindle.RekindleException
import dev.rekindle.text
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.flowOf
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import kotlinx.serialization.json.put
import java.nio.file.Files
import java.nio.file.attribute.PosixFilePermission

private val NOTHING = JsonObject(emptyMap())

/** Carries out one operation: what it gives. */
suspend fun act(stage: Stage, session: String, operation: JsonObject): JsonObject = try {
    when (val op = operation.text("op")) {
        "new_session" -> {
            stage.make(operation.text("name")!!, operation["with"] as? JsonObject ?: NOTHING)
            NOTHING
        }
        "advance", "advance_to_timer", "jump_wall" -> turnClock(stage, op, operation)
        "wait_for" -> {
            val kept = stage.session(session)
            while (!hasCome(stage, kept, operation)) delay(1)
            NOTHING
        }
        "release", "play", "expire_all", "revoke_all", "lose_answers", "crash", "store" -> {
            turn(stage, op, operation)
            NOTHING
        }
        else -> ask(stage, stage.session(session), op, operation)
    }
} catch (error: RekindleException) {
    stage.results.error(error)
}

/** What is asked of a session. */
private suspend fun ask(stage: Stage, kept: Kept, op: String?, operation: JsonObject): JsonObject {
    val session = kept.session
    val results = stage.results
    return when (op) {
        "request" -> kept.through?.send(results, absolute(stage, operation), operation) ?: send(stage, kept.client, operation)
        "graphql" -> {
            val data = kept.client.graphql(operation.text("query")!!, (operation["variables"] ?: NOTHING).toString())
            buildJsonObject { put("data", Json.parseToJsonElement(data)) }
        }
        "token" -> results.token(
            if (operation.flag("if_valid") == true) session.tokenIfValid() else session.token(operation.ms("min_life_ms")),
        )
        "refresh" -> results.token(if (operation.flag("force") == true) session.forceRefresh() else session.refresh())
        "invalidate" -> NOTHING.also { session.invalidate() }
        "sign_in" -> NOTHING.also { session.signIn((operation["credential"] as? JsonObject)?.let(::credential) ?: stage.usual()) }
        "sign_out" -> NOTHING.also { session.signOut() }
        "shutdown" -> {
            val settled = session.shutdown(operation.ms("ms")!!)
            buildJsonObject { put("settled", settled) }
        }
        "status" -> results.status(if (operation.flag("fresh") == true) session.freshStatus() else session.status())
        else -> throw Complaint("there is no operation $op")
    }
}

private fun absolute(stage: Stage, operation: JsonObject): String =
    operation.text("url")!!.let { if (it.startsWith("/")) stage.server.url + it else it }

private suspend fun send(stage: Stage, client: Client, spec: JsonObject): JsonObject {
    val method = spec.text("method") ?: "GET"
    val body = spec["json"]?.let { Body.json(it.toString()) }
        ?: spec["form"]?.let { form -> Body.form(*strings(form).toSortedMap().toList().toTypedArray()) }
        ?: spec.text("text")?.let(Body::text)
        ?: spec.text("stream")?.let { Body.once(flowOf(it.encodeToByteArray())) }
    val follow = spec.flag("follow_redirects") ?: true
    val (headers, timeout, key) = Triple(strings(spec["headers"]), spec.ms("timeout_ms"), spec.text("idempotency_key"))
    val url = spec.text("url")!!
    if (spec.flag("streamed") == true) {
        return client.stream(method, url, emptyMap(), headers, body, timeout, key, follow) { stage.results.response(it) }
    }
    return stage.results.response(client.request(method, url, emptyMap(), headers, body, timeout, key, follow))
}

private suspend fun turnClock(stage: Stage, op: String, operation: JsonObject): JsonObject {
    when (op) {
        "advance" -> stage.clock.advance(operation.ms("ms")!!)
        "jump_wall" -> stage.clock.jumpWall(stage.clock.wall.plusMillis(operation["by_ms"]!!.jsonPrimitive.long))
        else -> while (!stage.clock.advanceToTimer(operation.ms("within_ms")!!)) delay(1)
    }
    return NOTHING
}

private fun turn(stage: Stage, op: String, operation: JsonObject) {
    val server = stage.server
    when (op) {
        "release" -> server.control("POST", "/__release", buildJsonObject { put("name", operation.text("name")) }.toString())
        "play" -> server.play(operation["steps"])
        "expire_all" -> server.control("POST", "/__expire_all")
        "revoke_all" -> server.control("POST", "/__revoke_all")
        "lose_answers" -> server.control("POST", "/__knobs", buildJsonObject { put("lose_answers", operation["answers"]!!) }.toString())
        "crash" -> stage.session(operation.text("of")!!).life.hasEnded = true
        else -> {
            stage.store.set(operation.text("load"), operation.text("save"))
            val how = operation.text("damage") ?: return
            if (stage.store.text() != null) stage.store.damage(how) else damageFile(stage.path, how)
        }
    }
}

private fun hasCome(stage: Stage, kept: Kept, what: JsonObject): Boolean {
    val results = stage.results
    val fits = { name: String, actual: () -> JsonObject ->
        what[name]?.let { difference(it, actual(), "") == null } ?: true
    }
    val requests = what["requests"]?.jsonPrimitive?.int?.let { least ->
        stage.server.log().count { what.text("path") == null || it.text("path") == what.text("path") } >= least
    } ?: true
    val event = what["event"]?.let { pattern ->
        kept.heard.any { difference(eventPattern(pattern), results.event(it), "") == null }
    } ?: true
    val timer = what.ms("timer_within_ms")?.let { within -> stage.clock.untilNext?.let { it <= within } ?: false } ?: true
    val noneSooner = what.ms("timer_beyond_ms")?.let { beyond -> stage.clock.untilNext?.let { it > beyond } } ?: true
    return requests && event && timer && noneSooner && fits("counters") { results.counters(kept.session) } &&
        fits("status") { results.status(kept.session.status()) } && fits("stored") { stored(stage) }
}

/** What is in the store that sessions share. */
fun stored(stage: Stage): JsonObject = buildJsonObject {
    val file = stage.path.takeIf(Files::exists)
    val text = stage.store.text() ?: file?.let(Files::readString)
    put("present", text != null)
    text?.let { put("text", it) }
    file?.let { put("mode", mode(Files.getPosixFilePermissions(it))) }
}

private fun mode(permissions: Set<PosixFilePermission>): JsonPrimitive {
    val bits = PosixFilePermission.entries.fold(0) { bits, one -> bits * 2 + if (one in permissions) 1 else 0 }
    return JsonPrimitive("%04o".format(bits))
}
