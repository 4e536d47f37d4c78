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

    init(_ interval: TimeInterval) {
        self = .nanoseconds(Int64((interval * 1e9).rounded()))
    }
}
