import Foundation
import TestSupport

/// A call's own; all contenders' calls have it.
private let deadline = Duration.seconds(4)
private let soon = Duration.seconds(6)
private let atMost = Duration.seconds(30)
private let slow: JSON = ["token_latency_ms": 600]

/// Whether it went well, and what was seen.
private struct Seen {
    let isGood: Bool
    let text: String
}

/// A contender of its own against a server of its own, whose refresh tokens end everything when they come twice.
private struct Trial {
    let name: String
    let server: TestServer
    let terms: Terms
    let it: any Contender

    init(_ name: String, _ make: (Terms) throws -> any Contender) async throws {
        self.name = name
        server = try await TestServer.start(auth: ["dialect": "json", "rotation": "strict_family"])
        let tokens = try await server.signIn()
        try await server.expireAll()
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("tokens").path
        terms = Terms(url: server.url, file: file, access: tokens.access, refresh: tokens.refresh, deadline: deadline)
        it = try make(terms)
    }

    func begin(_ path: String = "/data") -> Task<Int, any Error> {
        Task { [it] in try await it.get(path) }
    }

    func isSignedIn() async throws -> Bool { try await server.count("families_revoked") == 0 }

    func signedIn() async throws -> String {
        try await isSignedIn() ? "signed in" : "signed out by the server"
    }

    /// What was under way at the server has been answered, and the answer been taken.
    func settle() async throws {
        while try await server.count("refreshes_under_way") > 0 { try await Task.sleep(for: .milliseconds(20)) }
        try await Task.sleep(for: .milliseconds(300))
    }
}

/// How a call ended: its status, what it failed with, or not at all within that time.
private func ended(_ task: Task<Int, any Error>) async -> Result<Int, any Error>? {
    await end(of: task, within: atMost)
}

private func text(_ ended: Result<Int, any Error>?) -> String {
    switch ended {
    case .success(let status): String(status)
    case .failure(let error): String(describing: type(of: error))
    case nil: "no end"
    }
}

private func isOk(_ ended: Result<Int, any Error>?) -> Bool { (try? ended?.get()) == 200 }

/// The columns.
private let checks: [(name: String, run: @Sendable (Trial) async throws -> Seen)] = [
    ("cancelled leader", cancelledLeader), ("late 401", late), ("logout during refresh", logout),
    ("hung refresh", hung), ("two processes", twoProcesses),
]

@Sendable private func cancelledLeader(_ trial: Trial) async throws -> Seen {
    try await trial.server.knobs(slow)
    try await trial.server.script([])
    let leader = trial.begin()
    _ = try await trial.server.log(wait: 2)
    leader.cancel()
    let next = await ended(trial.begin())
    let isGood = isOk(next) ? try await trial.isSignedIn() : false
    return Seen(isGood: isGood, text: "\(text(next)), \(try await trial.signedIn())")
}

@Sendable private func late(_ trial: Trial) async throws -> Seen {
    try await trial.server.script([["match": ["path": "/slow"], "hold": "late"]])
    let late = trial.begin("/slow")
    _ = try await trial.server.log(wait: 1)
    let first = await ended(trial.begin())
    try await trial.server.release("late")
    let last = await ended(late)
    let refreshes = try await trial.server.count("refresh_requests")
    return Seen(isGood: isOk(first) && isOk(last) && refreshes == 1, text: "\(text(last)), \(refreshes) refreshes")
}

@Sendable private func logout(_ trial: Trial) async throws -> Seen {
    try await trial.server.knobs(slow)
    try await trial.server.script([])
    let begun = trial.begin()
    _ = try await trial.server.log(wait: 2)
    try await trial.it.signOut()
    _ = await ended(begun)
    try await trial.settle()
    let before = try await trial.server.count("accepted")
    _ = await ended(trial.begin())
    let isOut = try await trial.server.count("accepted") == before
    return Seen(isGood: isOut, text: isOut ? "stays signed out" : "the next request is signed in again")
}

@Sendable private func hung(_ trial: Trial) async throws -> Seen {
    try await trial.server.script([["match": ["path": "/refresh"], "hold": "hung"]])
    let begun = ContinuousClock.now
    var all: [Result<Int, any Error>?] = []
    for call in (0..<5).map({ _ in trial.begin() }) { all.append(await ended(call)) }
    let took = ContinuousClock.now - begun
    try await trial.server.release("hung")
    try await trial.settle()
    let next = await ended(trial.begin())
    let inTime = all.allSatisfy { $0 != nil } && took < soon
    let isGood = inTime && isOk(next) ? try await trial.isSignedIn() : false
    let seconds = (took / .seconds(1) * 10).rounded() / 10
    let after = "\(text(next)), \(try await trial.signedIn())"
    return Seen(isGood: isGood, text: "5 callers with 4 s each took \(seconds) s; then \(after)")
}

@Sendable private func twoProcesses(_ trial: Trial) async throws -> Seen {
    try await trial.server.knobs(slow)
    try await trial.server.script([["match": ["path": "/data"], "barrier": 2]])
    let terms = trial.terms
    let words = ["one-call", trial.name, terms.url, terms.file, terms.access, terms.refresh]
    let programs = try (0..<2).map { _ in try Program(CommandLine.arguments[0], words) }
    var said: [String] = []
    for program in programs { said.append(try await program.end().output.trimmingCharacters(in: .newlines)) }
    let isGood = said == ["200", "200"] ? try await trial.isSignedIn() : false
    return Seen(isGood: isGood, text: "\(said.joined(separator: " and ")), \(try await trial.signedIn())")
}

/// Another process: one call by that contender, with the tokens in that file.
func oneCall(_ words: [String]) async throws {
    let terms = Terms(url: words[1], file: words[2], access: words[3], refresh: words[4], deadline: .seconds(20))
    guard let contender = contenders.first(where: { $0.name == words[0] }) else { return }
    let it = try contender.make(terms)
    print(text(await ended(Task { try await it.get("/data") })))
}

/// The table, each cell tried so often.
func correctness(times: Int) async throws -> String {
    let columns = checks.map(\.name).joined(separator: " | ")
    var table = "| | \(columns) |\n|---|\(String(repeating: "---|", count: checks.count))\n"
    for (name, make) in contenders {
        var cells: [String] = []
        for (what, run) in checks {
            var seen: [Seen] = []
            for _ in 0..<times { seen.append(try await run(Trial(name, make))) }
            let good = seen.filter(\.isGood).count
            tell("\(name), \(what): \(good) of \(times); \(seen.last?.text ?? "")")
            let bad = seen.first { !$0.isGood }
            cells.append(bad.map { "**no**, \(good) of \(times): \($0.text)" } ?? "yes")
        }
        table += "| \(name) | \(cells.joined(separator: " | ")) |\n"
    }
    return table
}

private func tell(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }
