import Rekindle
import TestSupport

/// A name alone stands for any event of that name.
func eventPattern(_ event: JSON) -> JSON {
    switch event {
    case .string(let name): ["name": .string(name)]
    case .object(let members): .object(members.filter { !["session", "times"].contains($0.key) })
    default: event
    }
}

// What is expected once all operations are done.
extension Stage {
    /// Compares everything that the case names, and what holds for every case.
    func check(_ expect: JSON) async throws {
        for name in names { checkSession(name, expect) }
        try await served("server", server, expect["server_log"]?.array ?? [])
        if let other { try await served("other", other, expect["other_log"]?.array ?? []) }
        if let pattern = expect["model"] { complain(difference(pattern, try await server.counters(), "model")) }
        if let pattern = expect["stored"] { complain(difference(pattern, stored(), "stored")) }
    }

    private func checkSession(_ name: String, _ expect: JSON) {
        guard let kept = try? kept(name) else { return }
        mustNotLeak("a session", shown(kept.session))
        mustNotLeak("a client", shown(kept.client))
        mustNotLeak("the counters", kept.session.prometheus())
        if let events = expect["events"]?.array { complain(eventsDiffer(events, heard(kept), name)) }
        let counted = name == "main" ? expect["counters"] : expect["counters"]?[name]
        if case .object(let pattern)? = counted {
            // Of `main`, an object is another session's.
            let own = pattern.filter { $0.value.object == nil || $0.value["$any"] != nil }
            complain(difference(.object(own), counters(kept.session), "counters of \(name)"))
        }
    }

    private func eventsDiffer(_ events: [JSON], _ heard: [JSON], _ name: String) -> String? {
        let mine = events.filter { ($0["session"]?.string ?? "main") == name }
        let wanted = mine.flatMap { Array(repeating: eventPattern($0), count: $0["times"]?.int ?? 1) }
        guard wanted.count == heard.count else {
            let names = { (events: [JSON]) in events.map { $0["name"]?.string ?? "any" } }
            return "events of \(name): \(names(heard)) instead of \(names(wanted))"
        }
        return zip(wanted, heard).enumerated().lazy.compactMap { at, pair in
            difference(pair.0, pair.1, "events of \(name)[\(at)]")
        }.first
    }

    /// The script is used up, nothing else was asked for, and each entry was seen as often as it says.
    private func served(_ name: String, _ server: TestServer, _ wanted: [JSON]) async throws {
        for complaint in try await server.complaints() { complain("\(name): \(complaint)") }
        let log = try await server.log().map(logged)
        for entry in wanted {
            var members = entry.object ?? [:]
            let count = members.removeValue(forKey: "count") ?? 1
            let pattern = JSON.object(members)
            let found = JSON.number(Double(log.filter { fits(pattern, $0) }.count))
            complain(difference(count, found, "\(name): count of \(pattern)"))
        }
    }

    private func logged(_ request: JSON) -> JSON {
        var members = request.object ?? [:]
        let authorization = request["authorization"]?.string ?? ""
        let parts = authorization.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        members["token"] = .string(parts.count == 2 ? String(parts[1]) : authorization)
        if let headers = request["headers"]?.array {
            members["headers"] = .object(
                Dictionary(headers.compactMap { pair in pair.array.flatMap { ($0[0].string ?? "", $0[1]) } }) { $1 })
        }
        return .object(members)
    }
}
