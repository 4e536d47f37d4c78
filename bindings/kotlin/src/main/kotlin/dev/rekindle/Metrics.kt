package dev.rekindle

import dev.rekindle.ffi.Counted
import dev.rekindle.ffi.metricsText as nativeText

/**
 * Returns the counters of sessions and apps in the Prometheus text format, for a `/metrics` endpoint.
 *
 * ```kotlin
 * val text = metricsText(sessions = mapOf("billing" to session), apps = mapOf("crm" to app))
 * ```
 *
 * Each counter has one line for each session and app: `rekindle_logins_required_total{app="billing",..} 3`.
 * `rekindle_refresh_outcomes_total` counts refreshes by outcome: `granted`, `adopted` from another process,
 * `failed`, `login_required` or `limited`. `examples/prometheus/alerts.yml` alerts on them.
 *
 * @param sessions the sessions, by the value of the label `app`.
 * @param labels further labels for every line.
 */
public fun metricsText(
    sessions: Map<String, Session> = emptyMap(),
    apps: Map<String, App> = emptyMap(),
    labels: Map<String, String> = emptyMap(),
): String = native {
    val counted = sessions.map { (name, session) -> Counted(name, session.open().let { session.native }, null) } +
        apps.map { (name, app) -> Counted(name, null, app.native) }
    nativeText(counted, labels)
}
