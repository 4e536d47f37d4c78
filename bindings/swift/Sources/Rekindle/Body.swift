import Foundation
internal import RekindleFFI

/// What a request carries.
public struct Body: Sendable {
    let native: @Sendable () throws -> RequestBody
    /// Unless the request names its own.
    let contentType: String?

    private init(_ contentType: String?, _ native: @escaping @Sendable () throws -> RequestBody) {
        self.native = native
        self.contentType = contentType
    }

    /// These bytes.
    public static func data(_ data: Data, contentType: String? = nil) -> Body {
        Body(contentType) { .bytes(bytes: data) }
    }

    /// This text, in UTF-8.
    public static func text(_ text: String, contentType: String = "text/plain; charset=utf-8") -> Body {
        .data(Data(text.utf8), contentType: contentType)
    }

    /// This value, as JSON.
    ///
    /// - Throws: ``RekindleError/Kind/invalidConfig`` if it cannot be written.
    public static func json(_ value: some Encodable, encoder: JSONEncoder = JSONEncoder()) throws -> Body {
        let text = String(decoding: try encoded(value, "body", encoder), as: UTF8.self)
        return Body(nil) { .json(text: text) }
    }

    /// A form of these fields.
    public static func form(_ fields: KeyValuePairs<String, String>) -> Body {
        let fields = fields.map(Header.init)
        return Body(nil) { .form(fields: fields) }
    }

    /// A form with files, as `multipart/form-data`.
    public static func multipart(_ parts: [Part]) -> Body {
        let parts = parts.map(\.native)
        return Body(nil) { .multipart(parts: parts) }
    }

    /// A part of a multipart form.
    public struct Part: Sendable {
        let native: RekindleFFI.Part

        private init(_ name: String, _ content: PartContent, _ fileName: String?, _ contentType: String?) {
            native = RekindleFFI.Part(name: name, content: content, fileName: fileName, contentType: contentType)
        }

        /// This text.
        public static func text(_ name: String, _ text: String) -> Part {
            Part(name, .bytes(bytes: Data(text.utf8)), nil, nil)
        }

        /// These bytes.
        public static func data(_ name: String, _ data: Data, fileName: String? = nil, contentType: String? = nil)
            -> Part
        {
            Part(name, .bytes(bytes: data), fileName, contentType)
        }

        /// A file, read as it is sent, under its own name.
        public static func file(_ name: String, _ file: URL, contentType: String? = nil) -> Part {
            Part(name, .file(path: file.path), file.lastPathComponent, contentType)
        }
    }

    /// What can be read once. A request that carries it is not sent again: its token is refreshed, and you get the
    /// response with ``Response/replayRefused``. A second request with it is an error of the kind
    /// ``RekindleError/Kind/misuse``: nothing would be left to send.
    ///
    /// - Parameters:
    ///   - chunks: The pieces.
    ///   - length: How many bytes it is, if that is known.
    ///   - contentType: Its media type.
    public static func once<Chunks: AsyncSequence & Sendable>(
        _ chunks: Chunks, length: UInt64? = nil, contentType: String? = nil
    ) -> Body where Chunks.Element == Data {
        let once = Once()
        return Body(contentType) {
            guard once.isFirst() else { throw RekindleError.sentOnce }
            return .once(source: Source(chunks), length: length)
        }
    }

    /// What is opened anew for each send, so that the request can be sent again.
    ///
    /// - Parameters:
    ///   - length: How many bytes it is, if that is known.
    ///   - contentType: Its media type.
    ///   - open: Gives the pieces from the beginning.
    public static func opened<Chunks: AsyncSequence>(
        length: UInt64? = nil, contentType: String? = nil, by open: @escaping @Sendable () throws -> Chunks
    ) -> Body where Chunks.Element == Data {
        Body(contentType) { .factory(factory: Opener { Source(try open()) }, length: length) }
    }

    /// A file, read as it is sent.
    public static func file(_ file: URL, contentType: String? = nil) -> Body {
        let length = (try? file.resourceValues(forKeys: [.fileSizeKey]))?.fileSize
        return .opened(length: length.map(UInt64.init), contentType: contentType) { try FilePieces(file) }
    }
}

func encoded(_ value: some Encodable, _ argument: String, _ encoder: JSONEncoder) throws -> Data {
    do {
        return try encoder.encode(value)
    } catch {
        // The error's own text could quote the value.
        throw RekindleError(.invalidConfig, "\(argument): a \(type(of: value)) that cannot be written as JSON")
    }
}

/// Whether something happens for the first time.
private final class Once: @unchecked Sendable {
    private let lock = NSLock()
    private var hasHappened = false

    func isFirst() -> Bool {
        lock.withLock {
            defer { hasHappened = true }
            return !hasHappened
        }
    }
}

/// Pieces of the user's, as the engine wants them. One reader asks for one piece after the other; that nobody wants more
/// may be said while it waits for one. Whoever asks otherwise would take what is left for all of it.
final class Source<Chunks: AsyncSequence>: BodySource, @unchecked Sendable where Chunks.Element == Data {
    private enum State {
        case ready(Chunks.AsyncIterator)
        case asked
        case over
    }

    private let lock = NSLock()
    private var state: State

    init(_ chunks: Chunks) {
        state = .ready(chunks.makeAsyncIterator())
    }

    func next() async throws -> Data? {
        var pieces = try taken()
        do {
            let piece = try await pieces.next()
            give(back: piece == nil ? nil : pieces)
            return piece
        } catch {
            give(back: nil)
            throw BodyFailure.Failed(reason: "the body's sequence threw \(type(of: error))")
        }
    }

    func release() throws {
        lock.withLock { state = .over }
    }

    private func taken() throws -> Chunks.AsyncIterator {
        try lock.withLock {
            switch state {
            case .ready(let pieces):
                state = .asked
                return pieces
            case .asked: throw BodyFailure.Failed(reason: "the body is read by two at once: it comes once")
            case .over: throw BodyFailure.Failed(reason: "the body has been read, or was given up: it comes once")
            }
        }
    }

    private func give(back rest: Chunks.AsyncIterator?) {
        lock.withLock {
            // Unless it was released meanwhile.
            if case .asked = state { state = rest.map(State.ready) ?? .over }
        }
    }
}

private final class Opener: BodyFactory {
    private let call: @Sendable () throws -> any BodySource

    init(_ call: @escaping @Sendable () throws -> any BodySource) {
        self.call = call
    }

    func opened() throws -> any BodySource {
        do {
            return try call()
        } catch {
            throw BodyFailure.Failed(reason: "the body cannot be opened: \(type(of: error))")
        }
    }
}

/// A file in pieces of 64 KiB.
private struct FilePieces: AsyncSequence, AsyncIteratorProtocol {
    private let handle: FileHandle

    init(_ file: URL) throws {
        handle = try FileHandle(forReadingFrom: file)
    }

    func makeAsyncIterator() -> FilePieces { self }

    func next() async throws -> Data? {
        let piece = try handle.read(upToCount: 65_536)
        return piece.flatMap { $0.isEmpty ? nil : $0 }
    }
}
