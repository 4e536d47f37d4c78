package dev.rekindle.conformance

import dev.rekindle.Event
import dev.rekindle.EventKind
import dev.rekindle.RekindleException
import dev.rekindle.Response
import dev.rekindle.Session
import dev.rekindle.Status
import dev.rekindle.Token
import dev.rekindle.Verdict
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonObjectBuilder
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import java.io.ByteArrayOutputStream

/** What operations give, as the data that cases speak of; and that no token is told where none may be. */
class Results(private val complain: (String) -> Unit) {
    fun token(token: Token?): JsonObject = buildJsonObject {
        if (token == null) {
            put("token", JsonNull)
            return@buildJsonObject
        }
        mustNotLeak("a token's text", token.toString())
        put("token", token.value)
        put("authorization", token.authorization)
        put("header", token.headerName)
        put("generation", token.generation)
        put("expires_at_ms", token.expiresAt?.toEpochMilli())
    }

    suspend fun response(response: Response): JsonObject {
        val body = ByteArrayOutputStream()
        val broke = try {
            response.chunks().collect(body::writeBytes)
            null
        } catch (error: RekindleException) {
            error
        }
        mustNotLeak("a response's text", "$response ${response.headers}")
        val text = body.toString(Charsets.UTF_8)
        return buildJsonObject {
            put("status", response.status)
            put("url", response.url)
            put("redirects", response.history.size)
            put("headers", JsonObject(response.headers.associate { it.name to JsonPrimitive(it.value) }))
            body(text)
            response.verdict?.let { put("verdict", verdict(it)) }
            response.replayRefused?.let { put("replay_refused", it) }
            broke?.let { put("error", bare(it)) }
        }
    }

    suspend fun error(error: RekindleException): JsonObject {
        return error(error, error.response?.let { response(it) })
    }

    /** The error, with the response that an adapter gives along. */
    fun error(error: RekindleException, carried: JsonObject?): JsonObject {
        val told = bare(error)
        return buildJsonObject { put("error", if (carried == null) told else JsonObject(told + ("response" to carried))) }
    }

    fun status(status: Status): JsonObject {
        mustNotLeak("a status", status.toString())
        return buildJsonObject {
            put("standing", status.standing.name)
            put("generation", status.generation)
            put("valid", status.isValid)
            put("refreshable", status.isRefreshable)
            put("persisted", status.isPersisted)
            put("refreshing", status.isRefreshing)
            put("failures", status.failures)
            put("backoff_ms", status.backoff?.inWholeMilliseconds)
            put("leased", status.lease != null)
            put("scope", status.scope)
            put("expires_at_ms", status.expiresAt?.toEpochMilli())
        }
    }

    fun counters(session: Session): JsonObject = JsonObject(session.stats().mapValues { JsonPrimitive(it.value) })

    fun event(event: Event): JsonObject {
        mustNotLeak("an event", event.toString())
        return buildJsonObject {
            put("name", event.name)
            put("generation", event.generation)
            facts(event.kind)
        }
    }

    private fun JsonObjectBuilder.facts(kind: EventKind) {
        when (kind) {
            is EventKind.RefreshStarted -> put("cause", kind.cause)
            is EventKind.RefreshSucceeded -> {
                put("waiters", kind.waiters)
                put("persisted", kind.isPersisted)
            }
            is EventKind.RefreshFailed -> {
                put("kind", kind.kind)
                put("retry_after_ms", kind.retryAfter?.inWholeMilliseconds)
            }
            is EventKind.ExtraChanged -> put("names", JsonArray(kind.names.map(::JsonPrimitive)))
            is EventKind.LoginRequired -> put("reason", kind.reason)
            is EventKind.Warned -> put("warning", kind.warning)
            else -> {}
        }
    }

    fun verdict(verdict: Verdict): JsonObject = buildJsonObject {
        put("name", verdict.name)
        when (verdict) {
            is Verdict.Expired -> put("reason", verdict.reason)
            is Verdict.InsufficientScope -> put("scope", verdict.scope)
            is Verdict.StepUp -> {
                put("acr_values", verdict.acrValues)
                put("max_age", verdict.maxAge)
                put("claims", verdict.claims)
            }
            is Verdict.RateLimited -> put("after_ms", verdict.after?.inWholeMilliseconds)
            is Verdict.Unavailable -> put("after_ms", verdict.after?.inWholeMilliseconds)
            else -> {}
        }
    }

    private fun bare(error: RekindleException): JsonObject {
        mustNotLeak("an error", "$error ${error.details.debug} ${error.stackTraceToString()}")
        return buildJsonObject {
            put("kind", error.kind)
            put("message", error.message?.let(::inEveryLanguage))
            put("retryable", error.isRetryable)
            put("graphql", JsonArray(error.graphqlErrors.map {
                buildJsonObject {
                    put("message", it.message)
                    put("code", it.code)
                    put("path", it.path)
                }
            }))
            error.oauthError?.let { put("oauth_error", it) }
            error.status?.let { put("status", it) }
            error.retryAfter?.let { put("retry_after_ms", it.inWholeMilliseconds) }
        }
    }

    fun mustNotLeak(what: String, text: String) {
        val sentinel = SENTINELS.firstOrNull { it in text } ?: return
        complain("$what shows a token ($sentinel..): $text")
    }
}

/** The message with the names of settings as the cases have them: `token_url`, where Kotlin says `tokenUrl`. */
private fun inEveryLanguage(message: String): String = CAMEL_CASE.replace(message) { name ->
    name.value.replace(Regex("[A-Z]")) { "_${it.value.lowercase()}" }
}

private val CAMEL_CASE = Regex("\\b[a-z]+([A-Z][a-z0-9]+)+\\b")

/** What every token of the cases begins with. */
private val SENTINELS = listOf("AT-", "RT-", "SECRET-")

/** A body that is read. */
fun JsonObjectBuilder.body(text: String) {
    put("text", text)
    runCatching { Json.parseToJsonElement(text) }.getOrNull()?.takeIf { looksLikeJson(text) }?.let { put("json", it) }
}

/** The parser takes bare words for JSON. */
private fun looksLikeJson(text: String): Boolean {
    val first = text.trimStart().firstOrNull() ?: return false
    return first in "{[\"-0123456789" || text.trim() in listOf("true", "false", "null")
}
