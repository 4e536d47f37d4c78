import Foundation
import Rekindle

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif
#if canImport(Glibc)
    import Glibc
#endif

/// Requests that are under way at once.
private let atOnce = 8

/// Requests of a round.
private let round = 800

private let calls = 20_000

/// What one round took.
private struct Took {
    let wall: Duration
    let cpu: Duration
}

private enum Wrong: Error { case status(Int), noToken }

/// The table: everything is measured in turns, and a ratio is the median of the rounds' ratios.
func speed(url: String, rounds: Int) async throws -> String {
    let session = try Session(
        tokenURL: "http://127.0.0.1:9/token", clientID: "app",
        credential: Credential(accessToken: "at", refreshToken: "rt"), origins: [url])
    _ = try await session.token()
    let client = try Client(session, baseURL: url)
    let bare = URLSession(configuration: .ephemeral)
    var request = URLRequest(url: URL(string: "\(url)/data")!)
    request.setValue("Bearer at", forHTTPHeaderField: "Authorization")
    let asked = request

    let (valid, waiting) = try await inTurns(
        rounds,
        { for _ in 0..<calls where session.tokenIfValid() == nil { throw Wrong.noToken } },
        { for _ in 0..<calls { _ = try await session.token() } })
    let (theirs, ours) = try await inTurns(
        rounds,
        { try await together { try check(try await bare.data(for: asked).1) } },
        {
            try await together { try check(try await client.get("/data").status) }
        })
    let over = try Client(session, baseURL: url, transport: URLSessionTransport())
    let (alone, kept) = try await inTurns(
        rounds,
        { try await together { try check(try await bare.data(for: asked).1) } },
        { try await together { try check(try await over.get("/data").status) } })
    let own = try AuthenticatedURLSession(session, bare)
    var plain = asked
    plain.setValue(nil, forHTTPHeaderField: "Authorization")
    let unsigned = plain
    let (without, adapted) = try await inTurns(
        rounds,
        { try await together { try check(try await bare.data(for: asked).1) } },
        { try await together { try check(try await own.data(for: unsigned).1) } })
    return "| what | measured | aim | |\n|---|---:|---:|---|\n"
        + each("tokenIfValid(), CPU of a call", valid, aim: 3)
        + each("token(), async, CPU of a call", waiting, aim: nil)
        + ratio("our Client: requests/s to URLSession", theirs, ours)
        + ratio("our Client over URLSession: requests/s to URLSession alone", alone, kept)
        + ratio("AuthenticatedURLSession: requests/s to URLSession alone", without, adapted, aim: 0.95)
}

private func check(_ answer: URLResponse) throws { try check((answer as? HTTPURLResponse)?.statusCode ?? 0) }

private func check(_ status: Int) throws {
    guard status == 200 else { throw Wrong.status(status) }
}

private func together(_ one: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<atOnce {
            group.addTask { for _ in 0..<(round / atOnce) { try await one() } }
        }
        try await group.waitForAll()
    }
}

private typealias Work = @Sendable () async throws -> Void

/// Each side once for warming up, then in turns.
private func inTurns(_ rounds: Int, _ one: Work, _ other: Work) async throws -> ([Took], [Took]) {
    try await one()
    try await other()
    var took: ([Took], [Took]) = ([], [])
    for number in 0..<rounds {
        if number % 2 == 0 { took.0.append(try await timed(one)) }
        took.1.append(try await timed(other))
        if number % 2 == 1 { took.0.append(try await timed(one)) }
    }
    return took
}

private func timed(_ work: Work) async throws -> Took {
    let (wall, cpu) = (ContinuousClock.now, processTime())
    try await work()
    return Took(wall: ContinuousClock.now - wall, cpu: processTime() - cpu)
}

private func processTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
}

private func median(_ of: [Double]) -> Double { of.sorted()[of.count / 2] }

private func microseconds(_ took: [Took], _ count: Int) -> Double {
    median(took.map { $0.cpu / .microseconds(1) }) / Double(count)
}

private func each(_ what: String, _ took: [Took], aim: Double?) -> String {
    let measured = microseconds(took, calls)
    return row(
        what, "\(rounded(measured)) µs", aim.map { "≤ \(Int($0)) µs" } ?? "stated",
        aim.map { measured > $0 } == true ? "**missed**" : "")
}

private func ratio(_ what: String, _ base: [Took], _ ours: [Took], aim: Double? = nil) -> String {
    let speed = median(zip(base, ours).map { $0.wall / $1.wall })
    let cpu = median(zip(base, ours).map { $1.cpu / $0.cpu })
    let (mine, its) = (microseconds(ours, round), microseconds(base, round))
    return row(
        what, "\(rounded(speed))×", aim.map { "≥ \($0)×" } ?? "stated",
        "CPU \(rounded(cpu))×: \(Int(mine)) µs each, to \(Int(its)) µs")
}

private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

private func row(_ what: String, _ measured: String, _ aim: String, _ note: String) -> String {
    "| \(what) | \(measured) | \(aim) | \(note) |\n"
}
