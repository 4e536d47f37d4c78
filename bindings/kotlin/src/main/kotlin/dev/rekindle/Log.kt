package dev.rekindle

import org.slf4j.Logger
import org.slf4j.LoggerFactory

/**
 * Logs events, without secrets, to SLF4J's logger `rekindle.events`, if the application has `org.slf4j:slf4j-api` and its
 * warnings are enabled. Otherwise a session without a listener has no cost for events.
 */
internal object Log {
    /** Logs an event; `null` if warnings are not logged. */
    val events: ((key: String, event: Event) -> Unit)? by lazy { if (isThere()) Slf4j.events() else null }

    private fun isThere(): Boolean = try {
        Class.forName("org.slf4j.LoggerFactory")
        true
    } catch (_: ClassNotFoundException) {
        false
    }
}

/** Uses SLF4J's classes, so it is loaded only if they are present. */
private object Slf4j {
    fun events(): ((String, Event) -> Unit)? {
        val log = LoggerFactory.getLogger("rekindle.events")
        return if (log.isWarnEnabled) { key, event -> tell(log, key, event) } else null
    }

    private fun tell(log: Logger, key: String, event: Event) {
        // Only calls that SLF4J 1.7 also has.
        when (event.kind) {
            is EventKind.RefreshFailed, EventKind.RefreshLimited, is EventKind.LoginRequired, EventKind.Unpersisted,
            is EventKind.Warned,
            -> log.warn(TEXT, *parts(key, event))
            is EventKind.RefreshStarted, EventKind.Replayed, EventKind.Retried, EventKind.Persisted,
            EventKind.Renewed, is EventKind.ExtraChanged,
            ->
                if (log.isDebugEnabled) log.debug(TEXT, *parts(key, event))
            else -> if (log.isInfoEnabled) log.info(TEXT, *parts(key, event))
        }
    }

    private const val TEXT = "{} session={} generation={}{}"

    private fun parts(key: String, event: Event): Array<Any> {
        val details = details(event.kind).filterValues { it != null }.map { (name, value) -> " $name=$value" }
        return arrayOf(event.name, key, event.generation, details.joinToString(""))
    }

    private fun details(kind: EventKind): Map<String, Any?> = when (kind) {
        is EventKind.RefreshStarted -> mapOf("cause" to kind.cause)
        is EventKind.RefreshSucceeded ->
            mapOf("waiters" to kind.waiters, "duration" to kind.duration, "persisted" to kind.isPersisted)
        is EventKind.RefreshFailed -> mapOf("kind" to kind.kind, "retryAfter" to kind.retryAfter)
        is EventKind.ExtraChanged -> mapOf("names" to kind.names)
        is EventKind.LoginRequired -> mapOf("reason" to kind.reason)
        is EventKind.Warned -> mapOf("warning" to kind.warning)
        else -> emptyMap()
    }
}
