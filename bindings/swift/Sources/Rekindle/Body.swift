import Foundation
internal import RekindleFFI

/// The body of a request.
public struct Body: Sendable {
    let native: @Sendable () throws -> RequestBody
    /// The media type, unless the request has a `Content-Type`.
    let contentType: String?

    private init(_ contentType: String?, _ native: @escaping @Sendable () throws -> RequestBody) {
        self.native = native
        self.contentType = contentType
    }

    /// A body or part of these bytes.
    public static func data(_ data: Data, contentType: String? = nil) -> Body {
        Body(contentType) { .bytes(bytes: data) }
    }

    /// A body of this text, in UTF-8.
    public static func text(_ text: String, contentType: String = "text/plain; charset=utf-8") -> Body {
        .data(Data(text.utf8), contentType: contentType)
    }

    /// A body of this value, as JSON.
    ///
    /// - Throws: ``RekindleError/Kind/invalidConfig`` if the value cannot be encoded.
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

        /// A part of this text.
        public static func text(_ name: String, _ text: String) -> Part {
            Part(name, .bytes(bytes: Data(text.utf8)), nil, nil)
        }

        /// A body or part of these bytes.
        public static func data(_ name: String, _ data: Data, fileName: String? = nil, contentType: String? = nil)
            -> Part
        {
            Part(name, .bytes(bytes: data), fileName, contentType)
        }

        /// A part from a file, which is read while it is sent, with the file's own name.
        public static func file(_ name: String, _ file: URL, contentType: String? = nil) -> Part {
            Part(name, .file(path: file.path), file.lastPathComponent, contentType)
        }
    }

    /// A stream that can be read only once. Its request is not sent again: the token is refreshed, and you get the response
    /// with ``Response/replayRefused``. A second request with this body throws ``RekindleError/Kind/misuse``.
    ///
    /// - Parameters:
    ///   - chunks: The chunks.
    ///   - length: Its length in bytes, if that is known.
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

    /// A stream that is opened again for each send, so that the request can be sent again.
    ///
    /// - Parameters:
    ///   - length: Its length in bytes, if that is known.
    ///   - contentType: Its media type.
    ///   - open: Returns the chunks from the beginning.
    public static func opened<Chunks: AsyncSequence>(
        length: UInt64? = nil, contentType: String? = nil, by open: @escaping @Sendable () throws -> Chunks
    ) -> Body where Chunks.Element == Data {
        Body(contentType) { .factory(factory: Opener { Source(try open()) }, length: length) }
    }

    /// A file, which is read while it is sent.
    public static func file(_ file: URL, contentType: String? = nil) -> Body {
        let length = (try? file.resourceValues(forKeys: [.fileSizeKey]))?.fileSize
        return .opened(length: length.map(UInt64.init), contentType: contentType) { try FilePieces(file) }
    }
}

func encoded(_ value: some Encodable, _ argument: String, _ encoder: JSONEncoder) throws -> Data {
    do {
        return try encoder.encode(value)
    } catch {
        // The error's own message could contain the value.
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

/// A user's chunks, as the engine reads them. One reader requests one chunk after the other, and may release the source
/// while it waits for one. A second reader gets an error, because it would take the rest for the whole body.
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
            // Not if it was released meanwhile.
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

/// A file in chunks of 64 KiB.
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
