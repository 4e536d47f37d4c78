public import Foundation
internal import RekindleFFI

/// Connection settings of the built-in HTTP stack, for API requests and token requests.
///
/// ```swift
/// let http = HTTPSettings(proxy: .url("http://proxy.example.com:3128"), rootCertificates: [companyRoot])
/// let session = try Session(tokenURL: "https://auth.example.com/token", clientID: "app", http: http)
/// ```
///
/// The defaults are the system's roots (`SSL_CERT_FILE` and `SSL_CERT_DIR`, if set) and proxy (`HTTPS_PROXY`, `HTTP_PROXY`,
/// `ALL_PROXY`, `NO_PROXY`). Requests to loopback never use a proxy.
public struct HTTPSettings: Sendable, Hashable {
    /// The proxy; by default the system's.
    public var proxy: Proxy?
    /// Root certificates to trust in addition to the system's; each element is one or more certificates in PEM.
    public var rootCertificates: [Data]
    /// The client certificate, for mutual TLS (RFC 8705).
    public var clientCertificate: ClientCertificate?
    /// Whether HTTP/2 may be used.
    public var http2: Bool
    /// The `User-Agent` of requests that have none.
    public var userAgent: String?
    /// The limit for establishing a connection (10 s).
    public var connectTimeout: Duration?

    /// Creates settings.
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

/// The proxy that requests are sent through.
public enum Proxy: Sendable, Hashable {
    /// No proxy, even if the system has one.
    case direct
    /// The proxy at this URL, `http://..` or `https://..`; it may contain a user name and a password.
    case url(String)

    var native: RekindleFFI.Proxy {
        switch self {
        case .direct: .direct
        case .url(let url): .url(url: url)
        }
    }
}

/// A client certificate with its key.
public struct ClientCertificate: Sendable, Hashable {
    /// The certificate and its intermediate certificates, in PEM.
    public let chain: Data
    let key: Data

    /// - Parameters:
    ///   - chain: The certificate and its intermediate certificates, in PEM.
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
    /// Omits the proxy, which may contain a password, and keys.
    public var description: String { "HTTPSettings(http2: \(http2))" }
    /// Empty, so that `dump` shows no secrets.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension Proxy: CustomStringConvertible, CustomReflectable {
    /// Omits the URL, which may contain a password.
    public var description: String { self == .direct ? "Proxy.direct" : "Proxy.url(***)" }
    /// Empty, so that `dump` does not show the URL.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension ClientCertificate: CustomStringConvertible, CustomReflectable {
    /// Omits the key.
    public var description: String { "ClientCertificate(***)" }
    /// Empty, so that `dump` does not show the key.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
