import Foundation
import Rekindle
import TestSupport

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

// Requests through a real `URLSession`.
extension Stage {
    func request(_ adapter: AuthenticatedURLSession, _ operation: JSON) async throws -> JSON {
        try await giving {
            do {
                return self.result(try await adapter.send(try self.urlRequest(operation)))
            } catch let error as URLError {
                // What its users have; the cases name ours.
                let kind = error.code == .timedOut ? "Timeout" : "Connection"
                return ["error": ["kind": .string(kind), "message": .string("\(error)"), "retryable": true]]
            }
        }
    }

    private func urlRequest(_ operation: JSON) throws -> URLRequest {
        let text = operation["url"]?.string ?? ""
        let url = URL(string: text.hasPrefix("/") ? server.url + text : text)
        var request = URLRequest(url: url ?? URL(fileURLWithPath: "/"), cachePolicy: .reloadIgnoringLocalCacheData)
        request.httpMethod = operation["method"]?.string ?? "GET"
        if let timeout = operation["timeout_ms"]?.number { request.timeoutInterval = timeout / 1000 }
        for (name, value) in operation["headers"]?.texts ?? [:] { request.setValue(value, forHTTPHeaderField: name) }
        if let json = operation["json"] {
            request.httpBody = Data(json.text.utf8)
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        if let stream = operation["stream"]?.string { request.httpBodyStream = InputStream(data: Data(stream.utf8)) }
        return request
    }

    private func result(_ answer: AuthenticatedURLSession.Answer) -> JSON {
        let headers = answer.response.allHeaderFields.map { ("\($0.key)".lowercased(), JSON.string("\($0.value)")) }
        var told: [String: JSON] = [
            "status": .number(Double(answer.response.statusCode)),
            "url": text(answer.response.url?.absoluteString),
            "headers": .object(Dictionary(headers) { $1 }),
            "text": .string(String(decoding: answer.data, as: UTF8.self)),
        ]
        if let json = try? JSONDecoder().decode(JSON.self, from: answer.data) { told["json"] = json }
        told["verdict"] = answer.judged.map { self.result($0.verdict) }
        told["replay_refused"] = answer.judged?.replayRefused.map(JSON.string)
        return .object(told)
    }
}
