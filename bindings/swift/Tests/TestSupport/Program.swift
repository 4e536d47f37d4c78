import Foundation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Another program, started. Not Foundation's `Process`: off Apple's systems that reads beyond the end of a directory
/// entry at each start, and now and then the memory ends there.
package final class Program: Sendable {
    package let input: FileHandle
    package let output: FileHandle
    private let id: pid_t

    package init(_ path: String, _ arguments: [String], environment: [String: String]? = nil) throws {
        let (toInput, fromOutput) = (try pipe(), try pipe())
        defer {
            close(toInput.reading)
            close(fromOutput.writing)
        }
        let environment = environment ?? ProcessInfo.processInfo.environment
        id = try spawned(
            path, [path] + arguments, environment.map { "\($0.key)=\($0.value)" },
            [(toInput.reading, 0), (fromOutput.writing, 1)])
        input = FileHandle(fileDescriptor: toInput.writing, closeOnDealloc: true)
        output = FileHandle(fileDescriptor: fromOutput.reading, closeOnDealloc: true)
    }

    /// One line of its output.
    package func line() async throws -> String {
        try await blocking { [output] in
            var line = Data()
            while let byte = try output.read(upToCount: 1), byte.first != 10, !byte.isEmpty { line += byte }
            return String(decoding: line, as: UTF8.self)
        }
    }

    /// All of its output, and how it ended.
    package func end() async throws -> (output: String, status: Int32) {
        try await blocking { [output, id] in
            let said = try output.readToEnd() ?? Data()
            return (String(decoding: said, as: UTF8.self), reaped(id))
        }
    }

    /// Ends it as the system ends an app.
    package func kill() async throws {
        _ = try await blocking { [id] in
            signal(id, SIGKILL)
            return reaped(id)
        }
    }

    deinit {
        let id = id
        // The number is still its own: a program that has been reaped is not found.
        signal(id, SIGTERM)
        Thread.detachNewThread { _ = reaped(id) }
    }
}

private func signal(_ id: pid_t, _ number: Int32) {
    // `kill` of a process that was reaped could meet another of that number.
    if waitpid(id, nil, WNOHANG) == 0 { kill(id, number) }
}

private func reaped(_ id: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(id, &status, 0) == -1 && errno == EINTR {}
    return status
}

/// Both ends are closed in programs that are started: else one of them would keep the other's input open.
private func pipe() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [0, 0]
    guard ends.withUnsafeMutableBufferPointer({ pipe($0.baseAddress!) }) == 0 else { throw POSIXError(.EMFILE) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
}

private func spawned(
    _ path: String, _ arguments: [String], _ environment: [String], _ places: [(from: Int32, to: Int32)]
) throws -> pid_t {
    #if canImport(Glibc)
        var actions = posix_spawn_file_actions_t()
    #else
        var actions: posix_spawn_file_actions_t?
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (from, to) in places { posix_spawn_file_actions_adddup2(&actions, from, to) }
    let (argv, envp) = (arguments.map { strdup($0) } + [nil], environment.map { strdup($0) } + [nil])
    defer { (argv + envp).forEach { free($0) } }
    var id: pid_t = 0
    let failed = posix_spawn(&id, path, &actions, nil, argv, envp)
    guard failed == 0 else { throw POSIXError(POSIXErrorCode(rawValue: failed) ?? .ENOENT) }
    return id
}
