import Foundation
import Rekindle

// Another process on the same file store: `SecondProcess SERVER FILE ROTATES`, then a line on its input says when to ask.
let (server, file) = (CommandLine.arguments[1], CommandLine.arguments[2])
let rotation: Rotation = CommandLine.arguments[3] == "true" ? .strictFamily : .reusable
let session = try Session(dialect: "json", tokenURL: "\(server)/refresh", store: .file(file), rotation: rotation)
let client = try Client(session, baseURL: server)
FileHandle.standardOutput.write(Data("ready\n".utf8))
_ = readLine()
print(try await client.get("/data").status, session.stats()["refreshes"] ?? 0)
