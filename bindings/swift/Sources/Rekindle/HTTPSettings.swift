public import Foundation
internal import RekindleFFI

/// How the built-in HTTP stack makes its connections: for requests of an API, and for token requests.
///
/// ```swift
/// let http = HTTPSettings(proxy: .url("http://proxy.example.com:3128"), rootCertificates: [companyRoot])
/// let session = try Session(tokenURL: "https://auth.example.com/token", clientID: "app", http: http)
/// ```
///
/// What is left out of the settings is the system's: its roots (`SSL_CERT_FILE`, `SSL_CERT_DIR` where they are set), its
/// proxy (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`). Loopback is asked directly.
public struct HTTPSettings: Sendable, Hashable {
    /// The proxy; the system's if it is left out.
    public var proxy: Proxy?
    /// Roots to trust beside the system's: each one or several certificates in PEM.
    public var rootCertificates: [Data]
    /// Shown to servers that ask for it: mutual TLS (RFC 8705).
    public var clientCertificate: ClientCertificate?
    /// Whether HTTP/2 may be spoken.
    public var http2: Bool
    /// The header of that name, where a request has none.
    public var userAgent: String?
    /// How long a connection may take to come about (10 s).
    public var connectTimeout: Duration?

    /// What is left out has the default.
    public init(
        proxy: Proxy? = nil, rootCertificates: [Data] = [], clientCertificate: ClientCertificate? = nil,
        http2: Bool = true, userAgent: String? = nil, connectTimeout: Duration? = nil
    ) {
        self.proxy = proxy
        self.rootCertificates = rootCertificates
        self.clientCertificate = clientCertificate
        self.http2 = http2
        self.userAgent = userAgent
        self.connectTimeout = connectTimeout
    }

    func native() throws -> HttpConfig {
        HttpConfig(
            proxy: proxy?.native, rootCertificates: rootCertificates, clientCertificate: clientCertificate?.native,
            http2: http2, userAgent: userAgent, connectTimeout: try connectTimeout?.positive("connectTimeout"))
    }
}

/// Which proxy requests go through.
public enum Proxy: Sendable, Hashable {
    /// None, whatever the system says.
    case direct
    /// This one: `http://..` or `https://..`; it may hold a name and a password.
    case url(String)

    var native: RekindleFFI.Proxy {
        switch self {
        case .direct: .direct
        case .url(let url): .url(url: url)
        }
    }
}

/// A certificate of the client's own.
public struct ClientCertificate: Sendable, Hashable {
    /// The certificate and those between it and its root, in PEM.
    public let chain: Data
    let key: Data

    /// - Parameters:
    ///   - chain: The certificate and those between it and its root, in PEM.
    ///   - key: Its private key, in PEM, without a password.
    public init(chain: Data, key: Data) {
        self.chain = chain
        self.key = key
    }

    var native: RekindleFFI.ClientCertificate {
        RekindleFFI.ClientCertificate(chain: chain, key: key)
    }
}

extension HTTPSettings: CustomStringConvertible, CustomReflectable {
    /// Without the proxy, which may hold a password, and without keys.
    public var description: String { "HTTPSettings(http2: \(http2))" }
    /// Nothing: `dump` would show them.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension Proxy: CustomStringConvertible, CustomReflectable {
    /// Without a URL, which may hold a password.
    public var description: String { self == .direct ? "Proxy.direct" : "Proxy.url(***)" }
    /// Nothing: `dump` would show the URL.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension ClientCertificate: CustomStringConvertible, CustomReflectable {
    /// Without the key.
    public var description: String { "ClientCertificate(***)" }
    /// Nothing: `dump` would show the key.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
