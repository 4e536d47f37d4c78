internal import RekindleFFI

/// Whose store or refresh function is running in this task.
enum Inside {
    @TaskLocal static var owner: Owner?
    /// The states that are being signed in here: their sessions may sign in, and not be asked for a token.
    @TaskLocal static var logins: Set<UInt64> = []

    /// One for each session.
    final class Owner: Sendable {}
}

/// Waits for the engine; a cancelled task stops waiting at once, and the engine's own work goes on. Where a store or a
/// refresh function asks the session that it serves, it would wait for itself: that is refused.
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

/// The same, at most so long.
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

/// The engine's errors as ours.
func translated<T>(_ call: () async throws -> T) async throws -> T {
    do {
        return try await call()
    } catch let error as RekindleFFI.RekindleError {
        throw RekindleError.of(error)
    }
}

/// The same for what does not wait.
func translated<T>(_ call: () throws -> T) throws -> T {
    do {
        return try call()
    } catch let error as RekindleFFI.RekindleError {
        throw RekindleError.of(error)
    }
}
