internal import RekindleFFI

/// How a server speaks: a preset by its name, or a dialect file.
///
/// ```swift
/// try Session(dialect: "github", ..)
/// ```
public enum Dialect: Sendable, Hashable, ExpressibleByStringLiteral {
    /// One that rekindle brings: `oauth2`, `json`, `google`, ..
    case preset(String)
    /// A dialect file.
    case file(path: String)
    /// A dialect file's text.
    case toml(String)

    /// A preset.
    public init(stringLiteral name: String) {
        self = .preset(name)
    }

    var native: RekindleFFI.Dialect {
        switch self {
        case .preset(let name): .preset(name: name)
        case .file(let path): .file(path: path)
        case .toml(let text): .toml(text: text)
        }
    }
}

/// What a server does with a refresh token that was used.
public enum Rotation: Sendable, Hashable {
    /// There is none: the old one stays usable.
    case reusable
    /// The old one works for this long after its first use.
    case grace(Duration)
    /// The old one works until its successor is used.
    case untilSuccessorUsed
    /// A replay fails; the successor lives.
    case strict
    /// A replay revokes everything that came from the sign-in.
    case strictFamily
    /// It changes only now and then.
    case sometimes
    /// Not known.
    case unknown

    func native() throws -> RekindleFFI.Rotation {
        switch self {
        case .reusable: .reusable
        case .grace(let time): .grace(time: try time.positive("rotation"))
        case .untilSuccessorUsed: .untilSuccessorUsed
        case .strict: .strict
        case .strictFamily: .strictFamily
        case .sometimes: .sometimes
        case .unknown: .unknown
        }
    }
}

/// The way out of the house.
public enum Proxy: Sendable, Hashable {
    /// None, whatever the system says.
    case direct
    /// This one: `http://..` or `https://..`.
    case url(String)

    var native: RekindleFFI.Proxy {
        switch self {
        case .direct: .direct
        case .url(let url): .url(url: url)
        }
    }
}
