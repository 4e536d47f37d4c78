import Foundation
import TestSupport
import Testing

/// One case: see `tests/conformance/README.md`.
struct Case: Sendable, CustomTestStringConvertible {
    let id: String
    let topic: String
    let all: JSON

    var testDescription: String { "\(topic)::\(id)" }
    var session: [String: JSON] { all["session"]?.object ?? [:] }
    var operations: [JSON] { all["operations"]?.array ?? [] }
    var expect: JSON { all["expect"] ?? [:] }
    var isLazy: Bool { all["lazy"] == true }

    /// All of a file.
    static func read(_ file: String) -> [Case] {
        let here = URL(fileURLWithPath: #filePath)
        let root = (0..<5).reduce(here) { url, _ in url.deletingLastPathComponent() }
        let url = root.appendingPathComponent("tests/conformance/\(file)")
        guard let data = try? Data(contentsOf: url), let suite = try? JSONDecoder().decode(JSON.self, from: data)
        else { fatalError("\(url.path) cannot be read") }
        return (suite["cases"]?.array ?? []).map { one in
            Case(id: one["id"]?.string ?? "", topic: one["topic"]?.string ?? "", all: one)
        }
    }

    /// With the servers' addresses where their names stand.
    func naming(_ servers: [String: String]) -> Case {
        Case(id: id, topic: topic, all: all.naming(servers))
    }
}

extension JSON {
    func naming(_ servers: [String: String]) -> JSON {
        switch self {
        case .string(let text):
            .string(servers.reduce(text) { $0.replacingOccurrences(of: $1.key, with: $1.value) })
        case .array(let list): .array(list.map { $0.naming(servers) })
        case .object(let members): .object(members.mapValues { $0.naming(servers) })
        default: self
        }
    }
}
