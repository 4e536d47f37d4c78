import Foundation
import Rekindle
import Testing

/// What is asked of the token endpoint, and by whom.
@Suite struct GrantsTests {
    // spec 5.5
    @Test func aClientSaysWhoItIsAsItsSettingsSay() async throws {
        let wanted: [(ClientAuth?, String?, String)] = [
            (nil, nil, "&client_id=app&client_secret=s"),
            (.public, nil, "&client_id=app"),
            (.clientSecretBasic, "Basic YXBwOnM=", ""),
            (.clientSecretPost, nil, "&client_id=app&client_secret=s"),
        ]
        for (auth, authorization, body) in wanted {
            let granting = Granting()
            let session = try Session(
                tokenURL: "https://auth.example.com/token", clientID: "app", clientSecret: "s", clientAuth: auth,
                credential: Credential(accessToken: "AT-1", refreshToken: "RT-1"), alone: true, transport: granting)
            #expect(try await session.refresh().value == "AT-2")
            let app = try App(
                tokenURL: "https://auth.example.com/token", clientID: "app", clientSecret: "s", clientAuth: auth,
                transport: granting)
            let ada = try app.session("ada", credential: Credential(accessToken: "AT-1", refreshToken: "RT-1"))
            #expect(try await ada.refresh().value == "AT-2")
            let sent = Sent(authorization, "grant_type=refresh_token&refresh_token=RT-1" + body)
            #expect(await granting.sent == [sent, sent])
        }
    }

    // spec 5.5
    @Test func whatDoesNotFitTheKeyIsNamed() throws {
        let (key, _) = try SigningKey.generate()
        #expect(argument(.privateKeyJWT, nil) == "clientKey")
        #expect(argument(.clientSecretBasic, key) == "clientAuth")
        #expect(argument(.privateKeyJWT, key) == nil)
    }

    private func argument(_ auth: ClientAuth, _ key: SigningKey?) -> String? {
        do {
            _ = try Session(tokenURL: "https://a.test/token", clientID: "app", clientAuth: auth, clientKey: key)
            return nil
        } catch {
            return (error as? RekindleError)?.argument
        }
    }

    @Test func aClientAsksForTokensOnItsOwnBehalf() async throws {
        let granting = Granting()
        let asked = ClientCredentials(scope: "read", parameters: ["soid": "7"])
        let session = try Session(
            tokenURL: "https://auth.example.com/token", clientID: "service", clientSecret: "s", alone: true,
            transport: granting, clientCredentials: asked)
        #expect(try await session.token().value == "AT-2")
        let body = "grant_type=client_credentials&scope=read&client_id=service&client_secret=s&soid=7"
        #expect(await granting.sent == [Sent(nil, body)])
    }

    @Test func aClientWithoutASecretCannotAskOnItsOwnBehalf() {
        let told = Result {
            try Session(
                tokenURL: "http://127.0.0.1:9/token", clientID: "service", clientCredentials: ClientCredentials())
        }
        #expect(throws: RekindleError.self) { try told.get() }
    }
}

private struct Sent: Equatable {
    let authorization: String?
    let body: String

    init(_ authorization: String?, _ body: String) {
        (self.authorization, self.body) = (authorization, body)
    }
}

/// A token endpoint that always grants.
private actor Granting: Transport {
    var sent: [Sent] = []

    func send(_ request: TransportRequest) async throws -> TransportResponse {
        let body = String(decoding: try await request.body() ?? Data(), as: UTF8.self)
        sent.append(Sent(request.headers["authorization"], body))
        let json = Data(#"{"access_token": "AT-2", "expires_in": 900}"#.utf8)
        return TransportResponse(status: 200, headers: [("content-type", "application/json")], body: json)
    }
}
