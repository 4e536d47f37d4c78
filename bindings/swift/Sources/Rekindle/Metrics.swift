internal import RekindleFFI

/// Returns the counters of sessions and apps in the Prometheus text format, for a `/metrics` endpoint.
///
/// ```swift
/// let text = try metricsText(sessions: ["billing": session], apps: ["crm": app])
/// ```
///
/// Each counter has one line for each session and app: `rekindle_logins_required_total{app="billing",..} 3`.
/// `rekindle_refresh_outcomes_total` counts refreshes by outcome: `granted`, `adopted` from another process,
/// `failed`, `login_required` or `limited`. `examples/prometheus/alerts.yml` alerts on them.
///
/// - Parameters:
///   - sessions: The sessions, by the value of the label `app`.
///   - apps: The apps, by the value of the label `app`.
///   - labels: Further labels for every line.
/// - Throws: ``RekindleError/Kind/invalidConfig`` if the name of a label is invalid or already used.
public func metricsText(
    sessions: KeyValuePairs<String, Session> = [:], apps: KeyValuePairs<String, App> = [:],
    labels: [String: String] = [:]
) throws -> String {
    let counted =
        sessions.map { Counted(name: $0.key, session: $0.value.native, app: nil) }
        + apps.map { Counted(name: $0.key, session: nil, app: $0.value.native) }
    return try translated { try RekindleFFI.metricsText(counted: counted, labels: labels) }
}
