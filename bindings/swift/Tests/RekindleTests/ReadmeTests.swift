import Foundation
import Rekindle
import Testing

/// What the READMEs show compiles: it stands here, too, line by line.
private enum Shown {
    static func minute() async throws {
        // On a phone: signIn(request, presentedFrom: window).
        let session = try await Session.signedIn(at: "google", clientID: "ID", store: .file("google.json"))
        print(try await Client(session, baseURL: "https://www.googleapis.com").get("/oauth2/v3/userinfo").text)
    }

    static func api() async throws -> Session {
        let session = try await Session.signedIn(
            to: "https://mcp.example.com/mcp", name: "My tool", store: .file("mcp.json"))
        return session
    }

    struct User: Codable {}

    static func tokens(access: String, refresh: String, path: String, user: User) async throws -> [User] {
        let session = try Session(
            dialect: "oauth2", tokenURL: "https://auth.example.com/oauth/token", clientID: "app",
            credential: Credential(accessToken: access, refreshToken: refresh, expiresIn: .seconds(900)),
            store: .file(path))
        let client = try Client(session, baseURL: "https://api.example.com")
        let users: [User] = try await client.get("/users", query: ["limit": "5"]).json()
        try await client.post("/users", body: .json(user)).errorForStatus()
        return users
    }
}

@Suite struct ReadmeTests {
    @Test func whatTheREADMEsShowStandsHere() throws {
        let file = URL(fileURLWithPath: #filePath)
        let here = lines(try String(contentsOf: file, encoding: .utf8))
        let package = file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let root = package.deletingLastPathComponent().deletingLastPathComponent()
        for readme in [root, package] {
            let text = try String(contentsOf: readme.appendingPathComponent("README.md"), encoding: .utf8)
            let blocks = text.components(separatedBy: "```swift\n").dropFirst().map {
                lines($0.components(separatedBy: "```")[0])
            }
            #expect(!blocks.isEmpty)
            // What a Package.swift has is no statement.
            for block in blocks where block.first?.hasPrefix(".package") == false {
                let isHere = (0...max(0, here.count - block.count)).contains { at in
                    at + block.count <= here.count && Array(here[at..<at + block.count]) == block
                }
                #expect(isHere, "\(readme.path) shows what is not compiled here: \(block)")
            }
        }
    }

    private func lines(_ text: String) -> [String] {
        text.components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty && !$0.hasPrefix("import ") }
    }
}
