import Foundation
import Rekindle
import TestSupport
import Testing

/// Token requests travel as the API's do.
@Suite(.serialized) struct HTTPSettingsTests {
    private static let steps: [JSON] = [
        ["match": ["body_contains": "RT-1"], "respond": ["json": ["access_token": "AT-2", "expires_in": 900]]],
        ["match": ["token": "AT-2"], "respond": ["text": "from the proxy"]],
    ]
    private static let credential = Credential(accessToken: "AT-1", refreshToken: "RT-1")
    private static let tokenURL = "http://auth.test/token"

    private func userAgents(_ server: TestServer) async throws -> [JSON?] {
        try await server.log().map { request in
            let headers = request["headers"]?.array?.compactMap(\.array) ?? []
            return headers.first { $0[0] == "user-agent" }?[1]
        }
    }

    @Test func refreshesGoTheWayOfTheirSession() async throws {
        let proxy = try await TestServer.start()
        try await proxy.script(Self.steps)
        let session = try Session(
            tokenURL: Self.tokenURL, clientID: "app", credential: Self.credential,
            origins: ["http://api.test"], insecureOrigins: ["http://auth.test", "http://api.test"], alone: true,
            http: HTTPSettings(proxy: .url(proxy.url), userAgent: "app/1"))
        session.invalidate()
        let client = try Client(session, baseURL: "http://api.test")
        #expect(try await client.get("/data").text == "from the proxy")
        #expect(try await userAgents(proxy) == ["app/1", "app/1"])
    }

    @Test func soDoThoseOfAnAppsSessions() async throws {
        let proxy = try await TestServer.start()
        try await proxy.script(Self.steps)
        let app = try App(
            tokenURL: Self.tokenURL, clientID: "app", insecureOrigins: ["http://auth.test"],
            http: HTTPSettings(proxy: .url(proxy.url), userAgent: "app/1"))
        let session = try app.session("ada", credential: Self.credential)
        session.invalidate()
        #expect(try await session.token().value == "AT-2")
        #expect(try await userAgents(proxy) == ["app/1"])
    }

    @Test func whatMakesNoSenseIsNamedBeforeAnythingIsSent() throws {
        struct None: Transport {
            func send(_ request: TransportRequest) async throws -> TransportResponse { TransportResponse(status: 500) }
        }
        let key = try SigningKey.generate().pem
        let wrong: [(String, HTTPSettings)] = [
            ("rootCertificates", HTTPSettings(rootCertificates: [Data("no certificate".utf8)])),
            ("proxy", HTTPSettings(proxy: .url("no url"))), ("proxy", HTTPSettings(proxy: .url("ftp://a:1"))),
            ("userAgent", HTTPSettings(userAgent: "a\nb")),
            (
                "clientCertificate",
                HTTPSettings(clientCertificate: ClientCertificate(chain: Data(), key: Data(key.utf8)))
            ),
            ("connectTimeout", HTTPSettings(connectTimeout: .zero)),
        ]
        for (name, http) in wrong {
            #expect(argument { try Session(tokenURL: "https://a.test", http: http) } == name)
            #expect(argument { try App(tokenURL: "https://a.test", http: http) } == name)
            let session = try Session(tokenURL: "https://a.test")
            #expect(argument { try Client(session, http: http) } == name)
        }
        #expect(argument { try Session(tokenURL: "https://a.test", http: HTTPSettings(), transport: None()) } == "http")
    }

    /// Spec 9.3.
    @Test func noSettingShowsASecret() {
        let http = HTTPSettings(
            proxy: .url("http://user:AT-1@proxy.test"),
            clientCertificate: ClientCertificate(chain: Data("AT-2".utf8), key: Data("AT-3".utf8)))
        for value in [http, http.proxy as Any, http.clientCertificate as Any] {
            var shown = "\(value) \(String(reflecting: value))"
            dump(value, to: &shown)
            #expect(!shown.contains("AT-"), "\(shown)")
        }
    }

    private func argument(_ call: () throws -> some Any) -> String? {
        do {
            _ = try call()
            return nil
        } catch {
            return (error as? RekindleError)?.argument
        }
    }
}
