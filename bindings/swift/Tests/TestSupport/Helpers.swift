import Foundation
import Rekindle

/// Holds who waits until it is opened. It does not hear of cancelling: as what hangs does not.
package final class Gate: @unchecked Sendable {
    private let lock = NSLock()
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var arrivals = 0

    package init() {}

    package var arrived: Int { lock.withLock { arrivals } }

    package func pass() async {
        await withCheckedContinuation { continuation in
            let passes = lock.withLock {
                arrivals += 1
                if !isOpen { waiting.append(continuation) }
                return isOpen
            }
            if passes { continuation.resume() }
        }
    }

    package func open() {
        let all = lock.withLock {
            isOpen = true
            defer { waiting = [] }
            return waiting
        }
        all.forEach { $0.resume() }
    }
}

/// Work that blocks its thread, on one of its own: Swift's tasks have as few threads as the machine has cores.
package func blocking<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
    }
}

/// A number that many tasks count up.
package final class Count: @unchecked Sendable {
    private let lock = NSLock()
    private var number = 0

    package init() {}
    package var value: Int { lock.withLock { number } }
    @discardableResult package func up() -> Int {
        lock.withLock {
            number += 1
            return number
        }
    }
}

/// Waits for what nothing tells of; no test sleeps for as long as it should take.
package func eventually(within time: Duration = .seconds(60), _ holds: () async throws -> Bool) async throws -> Bool {
    let until = ContinuousClock.now + time
    while ContinuousClock.now < until {
        if try await holds() { return true }
        try await Task.sleep(for: .milliseconds(1))
    }
    return false
}

/// How a task ended; `nil` if it has not in that time.
package func end<T: Sendable>(of task: Task<T, any Error>, within time: Duration = .seconds(60)) async -> Result<
    T, any Error
>? {
    let (results, give) = AsyncStream.makeStream(of: Result<T, any Error>?.self)
    let watch = Task { _ = give.yield(await task.result) }
    let alarm = Task { if (try? await Task.sleep(for: time)) != nil { _ = give.yield(nil) } }
    defer {
        watch.cancel()
        alarm.cancel()
    }
    for await result in results { return result }
    return nil
}

/// Whether a task ended in that time, and as cancelled ones do.
package func isCancelled<T: Sendable>(_ task: Task<T, any Error>, within time: Duration = .seconds(60)) async -> Bool {
    if case .failure(let error) = await end(of: task, within: time) { error is CancellationError } else { false }
}

/// A model of a REST API behind its server, and a session with an expired token at it.
package struct World: Sendable {
    package let server: TestServer
    package let session: Session
    package let client: Client

    package init(
        steps: [JSON] = [], auth: JSON = ["dialect": "json", "rotation": "strict_family"], expired: Bool = true,
        dialect: Dialect = "json", rotation: Rotation? = nil, store: StoreChoice = .memory,
        transport: (any Transport)? = nil,
        background: BackgroundWork? = nil, onEvent: (@Sendable (Event) -> Void)? = nil
    ) async throws {
        server = try await TestServer.start(auth: auth)
        let tokens = try await server.signIn()
        if expired { try await server.expireAll() }
        if !steps.isEmpty { try await server.script(steps) }
        session = try Session(
            dialect: dialect, tokenURL: "\(server.url)/refresh",
            credential: Credential(accessToken: tokens.access, refreshToken: tokens.refresh), store: store,
            origins: [server.url], rotation: rotation, alone: true, transport: transport, backgroundWork: background,
            onEvent: onEvent)
        client = try Client(session, baseURL: server.url)
    }
}
