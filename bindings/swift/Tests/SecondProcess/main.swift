import Foundation
import Rekindle

// Another process: `SecondProcess SERVER FILE HOW`.
let (server, file) = (CommandLine.arguments[1], CommandLine.arguments[2])
let how = CommandLine.arguments[3]

func tell(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

/// Twenty users lose their sign-in, and whoever hears of it takes its time.
func losesSignIns() async throws {
    let app = try App(
        tokenURL: "\(server)/token", clientID: "app",
        onEvent: { key, event in
            usleep(10_000)
            if case .loginRequired = event.kind { tell("\(key) must sign in") }
        })
    for user in 0..<20 {
        let credential = Credential(accessToken: "AT-\(user)", refreshToken: "RT-\(user)")
        _ = try? await app.session("user-\(user)", credential: credential).refresh()
    }
}

/// Nobody waits any more for the refresh that one began.
func leavesARefresh() async throws {
    let (begun, begins) = AsyncStream.makeStream(of: Void.self)
    let session = try Session(
        dialect: "json", tokenURL: "\(server)/refresh", store: .file(file),
        onEvent: { if case .refreshStarted = $0.kind { begins.yield() } })
    session.invalidate()
    let asking = Task { _ = try? await session.token() }
    for await _ in begun { break }
    asking.cancel()
    await asking.value
    tell("begun")
}

/// Asks when a line on its input says so.
func asks() async throws {
    let rotation: Rotation = how == "true" ? .strictFamily : .reusable
    let session = try Session(dialect: "json", tokenURL: "\(server)/refresh", store: .file(file), rotation: rotation)
    let client = try Client(session, baseURL: server)
    tell("ready")
    _ = readLine()
    print(try await client.get("/data").status, session.stats()["refreshes"] ?? 0)
}

switch how {
case "events": try await losesSignIns()
case "refresh": try await leavesARefresh()
default: try await asks()
}
