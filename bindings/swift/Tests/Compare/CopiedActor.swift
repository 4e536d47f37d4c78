import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The pattern of many tutorials: an actor that holds the tokens and one task that refreshes them, which all callers await;
/// a request that is turned away is sent again with what that gives.
struct CopiedActor: Contender {
    private let authority: Authority
    private let urls = URLSession(configuration: .ephemeral)
    private let terms: Terms

    init(_ terms: Terms) {
        self.terms = terms
        authority = Authority(terms, urls)
    }

    func get(_ path: String) async throws -> Int {
        let first = try await send(path, await authority.valid())
        return first == 401 ? try await send(path, await authority.refreshed()) : first
    }

    func signOut() async { await authority.forget() }

    private func send(_ path: String, _ tokens: Tokens) async throws -> Int {
        var request = asking(terms.url + path, within: terms.deadline)
        request.setValue("Bearer \(tokens.accessToken)", forHTTPHeaderField: "Authorization")
        let (_, answer) = try await urls.data(for: request)
        return (answer as? HTTPURLResponse)?.statusCode ?? 0
    }
}

private struct Tokens: Codable {
    let accessToken: String
    let refreshToken: String
}

private struct SignedOut: Error {}

private actor Authority {
    private var refreshing: Task<Tokens, any Error>?
    private let file: TokenFile
    private let terms: Terms
    private let urls: URLSession

    init(_ terms: Terms, _ urls: URLSession) {
        (self.terms, self.urls) = (terms, urls)
        file = TokenFile(terms.file, first: Tokens(accessToken: terms.access, refreshToken: terms.refresh))
    }

    func valid() async throws -> Tokens {
        if let refreshing { return try await refreshing.value }
        guard let tokens = file.read() else { throw SignedOut() }
        return tokens
    }

    func refreshed() async throws -> Tokens {
        if let refreshing { return try await refreshing.value }
        let task = Task {
            defer { refreshing = nil }
            return try await ask()
        }
        refreshing = task
        return try await task.value
    }

    func forget() { file.clear() }

    private func ask() async throws -> Tokens {
        guard let old = file.read() else { throw SignedOut() }
        var request = asking("\(terms.url)/refresh", within: terms.deadline)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = try JSONEncoder().encode(["refreshToken": old.refreshToken])
        let (data, answer) = try await urls.data(for: request)
        guard (answer as? HTTPURLResponse)?.statusCode == 200 else {
            file.clear()
            throw SignedOut()
        }
        let new = try JSONDecoder().decode(Tokens.self, from: data)
        file.write(new)
        return new
    }
}

/// Where apps that do it by hand keep tokens: something of their preferences, read and written as a whole.
private struct TokenFile {
    private let place: URL

    init(_ path: String, first: Tokens) {
        place = URL(fileURLWithPath: path)
        if !FileManager.default.fileExists(atPath: path) { write(first) }
    }

    func read() -> Tokens? { try? JSONDecoder().decode(Tokens.self, from: Data(contentsOf: place)) }

    func write(_ tokens: Tokens) { try? JSONEncoder().encode(tokens).write(to: place, options: .atomic) }

    func clear() { try? FileManager.default.removeItem(at: place) }
}

private func asking(_ url: String, within deadline: Duration) -> URLRequest {
    var request = URLRequest(url: URL(string: url)!)
    request.timeoutInterval = Double(deadline.components.seconds)
    return request
}
