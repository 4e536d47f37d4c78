package dev.rekindle

import dev.rekindle.ffi.Counted
import dev.rekindle.ffi.metricsText as nativeText

/**
 * The counters of sessions and apps in the Prometheus text format: what `GET /metrics` answers.
 *
 * ```kotlin
 * val text = metricsText(sessions = mapOf("billing" to session), apps = mapOf("crm" to app))
 * ```
 *
 * Each counter is there once, with a line for each name: `rekindle_logins_required_total{app="billing",..} 3`.
 * `rekindle_refresh_outcomes_total` counts refreshes again by what came of them: `granted`, `adopted` from another process,
 * `failed`, `login_required` or `limited`. `examples/prometheus/alerts.yml` alerts on them.
 *
 * @param sessions by the name that the label `app` has.
 * @param labels further ones for every line.
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
