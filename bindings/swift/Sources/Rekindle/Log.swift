import Foundation

/// Passes events to your logger, for all sessions and apps that are created afterwards. With swift-log:
///
/// ```swift
/// let logger = Logger(label: RekindleLog.label)
/// RekindleLog.handle { line in
///     let facts = line.facts.mapValues { Logger.MetadataValue.string($0) }
///     logger.log(level: Logger.Level(rawValue: line.level.rawValue) ?? .info, "\(line.message)", metadata: facts)
/// }
/// ```
///
/// Log lines contain no secrets.
public enum RekindleLog {
    /// The logger's name, the same in every language.
    public static let label = "rekindle.events"

    /// The level of a line, with swift-log's names.
    public enum Level: String, Sendable, Hashable {
        /// Details: a refresh starts, a request is sent again.
        case debug
        /// Normal events: a sign-in, a successful refresh.
        case info
        /// Events that need attention: the user must sign in, a refresh failed.
        case warning
    }

    /// One log line, for one event.
    public struct Line: Sendable, Hashable {
        /// The level.
        public let level: Level
        /// The event's name, the same in every language.
        public let message: String
        /// `session` (its key), `generation`, and the event's other fields.
        public let facts: [String: String]
    }

    /// Sets the function that receives each line, in order, on a thread of its own; `nil` turns the log off.
    public static func handle(_ handler: (@Sendable (Line) -> Void)?) {
        current.set(handler)
    }

    private static let current = Current()

    /// Calls the user's function and the log.
    static func heard(by own: (@Sendable (Event) -> Void)?) -> (@Sendable (Event) -> Void)? {
        guard let handler = current.handler else { return own }
        return { event in
            handler(line(event, of: "default"))
            own?(event)
        }
    }

    /// The same for an app, whose sessions have keys.
    static func heard(by own: (@Sendable (String, Event) -> Void)?) -> (@Sendable (String, Event) -> Void)? {
        guard let handler = current.handler else { return own }
        return { key, event in
            handler(line(event, of: key))
            own?(key, event)
        }
    }

    private static func line(_ event: Event, of key: String) -> Line {
        let base = ["session": key, "generation": "\(event.generation)"]
        return Line(level: event.kind.level, message: event.name, facts: base.merging(event.kind.facts) { $1 })
    }

    private final class Current: @unchecked Sendable {
        private let lock = NSLock()
        private var kept: (@Sendable (Line) -> Void)?

        var handler: (@Sendable (Line) -> Void)? { lock.withLock { kept } }

        func set(_ handler: (@Sendable (Line) -> Void)?) { lock.withLock { kept = handler } }
    }
}

extension Event.Kind {
    fileprivate var level: RekindleLog.Level {
        switch self {
        case .refreshFailed, .refreshLimited, .loginRequired, .unpersisted, .warned: .warning
        case .refreshStarted, .replayed, .retried, .persisted, .renewed, .extraChanged: .debug
        default: .info
        }
    }

    fileprivate var facts: [String: String] {
        switch self {
        case .refreshStarted(let cause): ["cause": cause]
        case .refreshSucceeded(let waiters, let duration, let persisted):
            ["waiters": "\(waiters)", "duration": "\(duration)", "persisted": "\(persisted)"]
        case .refreshFailed(let kind, let retryAfter):
            ["kind": kind.rawValue].merging(retryAfter.map { ["retryAfter": "\($0)"] } ?? [:]) { $1 }
        case .extraChanged(let names): ["names": names.joined(separator: ", ")]
        case .loginRequired(let reason): ["reason": reason]
        case .warned(let warning): ["warning": warning]
        default: [:]
        }
    }
}
