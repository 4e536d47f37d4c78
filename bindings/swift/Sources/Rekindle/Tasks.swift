import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

typealias Arriving = AsyncThrowingStream<Data, any Error>

/// Tasks of a `URLSession` that follow no redirects: `URLSession` would send headers of ours that it does not know to the new
/// origin, and outside Apple's systems all of them.
///
/// Outside Apple's systems, redirects are passed to the session's delegate, not to a task's. So the tasks belong to a
/// session with the same configuration and our delegate.
final class Tasks: Sendable {
    private let session: URLSession
    private let isOurs: Bool
    private let delegate = Delegate()

    /// - Parameter isOurs: Whether nothing else uses the session, so that it is invalidated with this object.
    init(_ session: URLSession, isOurs: Bool = false) {
        #if canImport(FoundationNetworking)
            self.session = URLSession(configuration: session.configuration, delegate: delegate, delegateQueue: nil)
            self.isOurs = true
        #else
            self.session = session
            self.isOurs = isOurs
        #endif
    }

    deinit {
        // A session retains its delegate until it is invalidated.
        if isOurs { session.finishTasksAndInvalidate() }
    }

    /// The response with its whole body. `file`: the request's body.
    func data(_ request: URLRequest, file: URL? = nil) async throws -> (HTTPURLResponse, Data) {
        let task = try self.task(request, file)
        return try await running(task) { delegate.hear(task, Whole($0)) }
    }

    /// The response's head, and its body as it arrives. Releasing the body, or cancelling its reader, ends the task.
    func stream(_ request: URLRequest) async throws -> (HTTPURLResponse, Arriving) {
        let (chunks, body) = Arriving.makeStream()
        let task = try self.task(request, nil)
        body.onTermination = { [self] _ in
            task.cancel()
            // The session must not end before its tasks.
            withExtendedLifetime(self) {}
        }
        return (try await running(task) { delegate.hear(task, Streamed($0, body)) }, chunks)
    }

    #if canImport(FoundationNetworking)
        /// A file is mapped into memory and sent from there. Foundation's own file uploads crash (`EasyHandle.swift`, `try!`) if
        /// the server responds before the next chunk has been read.
        private func task(_ request: URLRequest, _ file: URL?) throws -> URLSessionTask {
            guard let file else { return session.dataTask(with: request) }
            var whole = request
            guard let content = try? Data(contentsOf: file, options: .mappedIfSafe) else {
                throw URLError(.cannotOpenFile)
            }
            whole.httpBody = content
            return session.dataTask(with: whole)
        }
    #else
        private func task(_ request: URLRequest, _ file: URL?) throws -> URLSessionTask {
            let task = file.map { session.uploadTask(with: request, fromFile: $0) } ?? session.dataTask(with: request)
            task.delegate = delegate
            return task
        }
    #endif

    private func running<T: Sendable>(
        _ task: URLSessionTask, _ hear: (CheckedContinuation<T, any Error>) -> Void
    ) async throws -> T {
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    hear(continuation)
                    task.resume()
                }
            } onCancel: {
                task.cancel()
            }
        } catch let error as URLError where error.code == .cancelled && Task.isCancelled {
            throw CancellationError()
        }
    }
}

/// Receives the events of one task, on one queue.
private protocol Hearer: AnyObject {
    func head(_ response: HTTPURLResponse)
    func piece(_ data: Data)
    func end(_ response: URLResponse?, _ error: (any Error)?)
}

private final class Delegate: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private let lock = NSLock()
    private var hearers: [Int: any Hearer] = [:]

    func hear(_ task: URLSessionTask, _ hearer: any Hearer) {
        lock.withLock { hearers[task.taskIdentifier] = hearer }
    }

    private func hearer(_ task: URLSessionTask) -> (any Hearer)? {
        lock.withLock { hearers[task.taskIdentifier] }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        if let response = response as? HTTPURLResponse { hearer(dataTask)?.head(response) }
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        hearer(dataTask)?.piece(data)
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        lock.withLock { hearers.removeValue(forKey: task.taskIdentifier) }?.end(task.response, error)
    }
}

private final class Whole: Hearer {
    private let continuation: CheckedContinuation<(HTTPURLResponse, Data), any Error>
    private var body = Data()

    init(_ continuation: CheckedContinuation<(HTTPURLResponse, Data), any Error>) {
        self.continuation = continuation
    }

    func head(_ response: HTTPURLResponse) {}

    func piece(_ data: Data) {
        if body.isEmpty { body = data } else { body.append(data) }
    }

    func end(_ response: URLResponse?, _ error: (any Error)?) {
        guard error == nil, let response = response as? HTTPURLResponse else {
            return continuation.resume(throwing: error ?? URLError(.badServerResponse))
        }
        continuation.resume(returning: (response, body))
    }
}

private final class Streamed: Hearer {
    private var continuation: CheckedContinuation<HTTPURLResponse, any Error>?
    private let body: Arriving.Continuation

    init(_ continuation: CheckedContinuation<HTTPURLResponse, any Error>, _ body: Arriving.Continuation) {
        (self.continuation, self.body) = (continuation, body)
    }

    func head(_ response: HTTPURLResponse) {
        continuation?.resume(returning: response)
        continuation = nil
    }

    func piece(_ data: Data) {
        body.yield(data)
    }

    func end(_ response: URLResponse?, _ error: (any Error)?) {
        // For a redirect that is not followed, the head may not be reported.
        if error == nil, let response = response as? HTTPURLResponse { head(response) }
        continuation?.resume(throwing: error ?? URLError(.badServerResponse))
        continuation = nil
        body.finish(throwing: error)
    }
}
