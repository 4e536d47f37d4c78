import Foundation

extension Duration {
    /// In seconds, as the engine counts.
    var seconds: TimeInterval {
        TimeInterval(components.seconds) + TimeInterval(components.attoseconds) / 1e18
    }

    /// The duration in seconds, if it is positive; otherwise throws `InvalidConfig` with the argument's name.
    func positive(_ argument: String) throws -> TimeInterval {
        guard self > .zero else {
            throw RekindleError(.invalidConfig, "\(argument): must be more than zero, and is \(self)")
        }
        return seconds
    }

    /// The duration in seconds; zero if it is negative.
    var notNegative: TimeInterval {
        max(seconds, 0)
    }

    /// Rounded to nanoseconds, the engine's resolution, so that whole numbers of them survive the conversion.
    init(_ interval: TimeInterval) {
        let nanoseconds = Int64(exactly: (interval * 1e9).rounded())
        self = nanoseconds.map { .nanoseconds($0) } ?? .seconds(interval)
    }
}
