import Foundation
import Rekindle
import TestSupport

/// A case that takes longer hangs.
private let patience = Duration.seconds(120)
/// How long is waited for events that the case expects and that have not come yet.
private let forEvents = Duration.seconds(30)

/// Plays a case, through our own client or through the adapter. Everything that is not as the case says.
func play(_ written: Case, adapted: Bool = false) async throws -> [String] {
    let (stage, named) = try await Stage.set(written, adapted: adapted)
    let done = await within(patience) {
        do {
            try await play(stage, named)
        } catch {
            stage.complain("\(error)")
        }
    }
    if !done { stage.complain("it hangs: \((try? await stage.server.complaints()) ?? [])") }
    return stage.allComplaints()
}

private func play(_ stage: Stage, _ named: Case) async throws {
    if !named.isLazy { try await stage.make("main") }
    var lanes: [String: Task<Void, Never>] = [:]
    for (at, operation) in named.operations.enumerated() {
        try await step(stage, &lanes, at, operation)
    }
    for lane in lanes.values { await lane.value }
    await lateEvents(stage, named.expect)
    try await stage.check(named.expect)
}

private func step(_ stage: Stage, _ lanes: inout [String: Task<Void, Never>], _ at: Int, _ operation: JSON) async throws
{
    let op = operation["op"]?.string
    if let of = operation["of"]?.string, op == "cancel" || (op == "wait_for" && operation["lane"] == nil) {
        guard let lane = lanes.removeValue(forKey: of) else {
            throw Mistake("operations[\(at)]: there is no lane `\(of)`")
        }
        if op == "cancel" { lane.cancel() }
        return await lane.value
    }
    guard let name = operation["lane"]?.string else { return try await perform(stage, at, operation) }
    let before = lanes[name]
    lanes[name] = Task {
        await before?.value
        do {
            try await perform(stage, at, operation)
        } catch {
            stage.complain("lane \(name): \(error)")
        }
    }
}

/// Carries it out as often as it says, all at once, and compares what it gives.
private func perform(_ stage: Stage, _ at: Int, _ operation: JSON) async throws {
    let times = operation["times"]?.int ?? 1
    let complaints = try await withThrowingTaskGroup(of: String?.self) { group in
        for _ in 0..<times {
            group.addTask { asExpected(operation["expect"], try await stage.act(operation)) }
        }
        return try await group.reduce(into: []) { all, one in all += one.map { [$0] } ?? [] }
    }
    // Who was cancelled gives nothing that could be compared.
    if Task.isCancelled { return }
    if let first = complaints.first { throw Mistake("operations[\(at)]: \(first)") }
}

private func asExpected(_ expect: JSON?, _ result: JSON) -> String? {
    if let error = result["error"], expect?["error"] == nil { return "result.error: \(error), expected none" }
    return expect.flatMap { difference($0, result, "result") }
}

/// Events come on a thread of their own: those that were counted are waited for, and those that are expected of a flight
/// that nobody waits for.
private func lateEvents(_ stage: Stage, _ expect: JSON) async {
    guard let wanted = expect["events"]?.array else { return }
    let until = ContinuousClock.now + forEvents
    while ContinuousClock.now < until, !stage.names.allSatisfy({ hasHeard(stage, $0, wanted) }) {
        try? await Task.sleep(for: .milliseconds(1))
    }
}

private func hasHeard(_ stage: Stage, _ name: String, _ wanted: [JSON]) -> Bool {
    guard let kept = try? stage.kept(name) else { return true }
    // The other counters count something else than events.
    let happened = kept.session.stats().filter { !["waiters", "dropped"].contains($0.key) }.values.reduce(0, +)
    let heard = stage.heard(kept)
    let mine = wanted.filter { ($0["session"]?.string ?? "main") == name }.map(eventPattern)
    return heard.count >= happened && mine.allSatisfy { pattern in heard.contains { fits(pattern, $0) } }
}

/// Whether the work came to its end in that time; what did not is left behind, cancelled.
private func within(_ time: Duration, _ work: @escaping @Sendable () async -> Void) async -> Bool {
    let (ends, end) = AsyncStream.makeStream(of: Bool.self)
    let worker = Task {
        await work()
        end.yield(true)
    }
    let watch = Task {
        if (try? await Task.sleep(for: time)) != nil { end.yield(false) }
    }
    defer {
        worker.cancel()
        watch.cancel()
    }
    for await ended in ends { return ended }
    return false
}
