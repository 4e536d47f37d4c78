import Foundation

extension Duration {
    /// As the engine counts: seconds.
    var seconds: TimeInterval {
        TimeInterval(components.seconds) + TimeInterval(components.attoseconds) / 1e18
    }

    /// The same, if the engine can have it; else `InvalidConfig` that names the argument.
    func positive(_ argument: String) throws -> TimeInterval {
        guard self > .zero else {
            throw RekindleError(.invalidConfig, "\(argument): must be more than zero, and is \(self)")
        }
        return seconds
    }

    /// The same, if the engine can have it: not below zero.
    var notNegative: TimeInterval {
        max(seconds, 0)
    }

    /// To the nanosecond: so fine are the engine's, and what has been a whole number of them is one again.
    init(_ interval: TimeInterval) {
        let nanoseconds = Int64(exactly: (interval * 1e9).rounded())
        self = nanoseconds.map { .nanoseconds($0) } ?? .seconds(interval)
    }
}
