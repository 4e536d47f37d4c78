// A fetch that stays signed in over restarts: the tokens are kept in a file. Where they are lost for good, it says where
// to sign in.

import Foundation
import Rekindle

let given = ProcessInfo.processInfo.environment
let api = given["API_URL"]!
let session = try Session(
    dialect: "json", tokenURL: "\(api)/api/token/refresh",
    credential: Credential(accessToken: given["ACCESS_TOKEN"], refreshToken: given["REFRESH_TOKEN"]),
    store: .file(given["SESSION_FILE"]!))
do {
    let response = try await Client(session, baseURL: api).get("/data")
    print(response.status, try response.text)
} catch let error as RekindleError where error.kind == .loginRequired {
    print("Please sign in: \(api)/login")
}
