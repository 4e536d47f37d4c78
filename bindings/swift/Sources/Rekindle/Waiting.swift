internal import RekindleFFI

/// The session whose store or refresh function runs in this task.
enum Inside {
    @TaskLocal static var owner: Owner?
    /// The session states that a login handler in this task signs in; it may not request their tokens.
    @TaskLocal static var logins: Set<UInt64> = []

    /// Identifies a session; each has its own.
    final class Owner: Sendable {}
}

/// Waits for the engine. A cancelled task stops waiting immediately, and the engine's work continues. A store or refresh
/// function that calls the session it serves would wait for itself, so that throws.
func waiting<T: Sendable>(
    for owner: Inside.Owner, _ call: (CancelToken) async throws -> T
) async throws -> T {
    try Task.checkCancellation()
    guard Inside.owner !== owner else { throw RekindleError.waitsForItself }
    let token = CancelToken()
    return try await translated {
        try await withTaskCancellationHandler {
            try await call(token)
        } onCancel: {
            token.cancel()
        }
    }
}

/// The same, with a timeout.
func waiting<T: Sendable>(
    for owner: Inside.Owner, within timeout: Duration?, _ call: (CancelToken) async throws -> T
) async throws -> T {
    guard let timeout else { return try await waiting(for: owner, call) }
    return try await waiting(for: owner) { token in
        let alarm = Task {
            try await Task.sleep(for: timeout)
            token.cancel()
        }
        defer { alarm.cancel() }
        do {
            return try await call(token)
        } catch let error as RekindleFFI.RekindleError where error.kind() == "Cancelled" && !Task.isCancelled {
            throw RekindleError.outOfTime(timeout)
        }
    }
}

/// Converts the engine's errors.
func translated<T>(_ call: () async throws -> T) async throws -> T {
    do {
        return try await call()
    } catch let error as RekindleFFI.RekindleError {
        throw RekindleError.of(error)
    }
}

/// The same for synchronous calls.
func translated<T>(_ call: () throws -> T) throws -> T {
    do {
        return try call()
    } catch let error as RekindleFFI.RekindleError {
        throw RekindleError.of(error)
    }
}
