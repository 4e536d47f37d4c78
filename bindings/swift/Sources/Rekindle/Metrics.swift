internal import RekindleFFI

/// The counters of sessions and apps in the Prometheus text format: what `GET /metrics` answers.
///
/// ```swift
/// let text = try metricsText(sessions: ["billing": session], apps: ["crm": app])
/// ```
///
/// Each counter is there once, with a line for each name: `rekindle_logins_required_total{app="billing",..} 3`.
/// `rekindle_refresh_outcomes_total` counts refreshes again by what came of them: `granted`, `adopted` from another process,
/// `failed`, `login_required` or `limited`. `examples/prometheus/alerts.yml` alerts on them.
///
/// - Parameters:
///   - sessions: By the name that the label `app` has.
///   - apps: The same.
///   - labels: Further ones for every line.
/// - Throws: ``RekindleError/Kind/invalidConfig`` where a label's name is none, or taken.
public func metricsText(
    sessions: KeyValuePairs<String, Session> = [:], apps: KeyValuePairs<String, App> = [:],
    labels: [String: String] = [:]
) throws -> String {
    let counted =
        sessions.map { Counted(name: $0.key, session: $0.value.native, app: nil) }
        + apps.map { Counted(name: $0.key, session: nil, app: $0.value.native) }
    return try translated { try RekindleFFI.metricsText(counted: counted, labels: labels) }
}
