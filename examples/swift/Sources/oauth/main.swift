// OAuth 2.0: the refresh of RFC 6749, `invalid_grant` as "sign in again", and the counters to watch.

import Foundation
import Rekindle

let given = ProcessInfo.processInfo.environment
let session = try Session(
    dialect: "oauth2", tokenURL: given["TOKEN_URL"], clientID: given["CLIENT_ID"],
    clientSecret: given["CLIENT_SECRET"],
    credential: Credential(accessToken: given["ACCESS_TOKEN"], refreshToken: given["REFRESH_TOKEN"]))
do {
    print(try await Client(session, baseURL: given["API_URL"]).get("/data").errorForStatus().text)
} catch let error as RekindleError where error.kind == .loginRequired {
    print("Please sign in again: \(error)")
}
let stats = session.stats()
print("\(stats["refreshes"]!) refreshes, \(stats["logins_required"]!) sign-ins lost")
