// GET from a REST API. Its `401 {"error": "token_expired"}` is answered with a refresh, and the GET is sent again.

import Foundation
import Rekindle

let given = ProcessInfo.processInfo.environment
let api = given["API_URL"]!
let session = try Session(
    dialect: "json", tokenURL: "\(api)/refresh",
    credential: Credential(accessToken: given["ACCESS_TOKEN"], refreshToken: given["REFRESH_TOKEN"]))
let client = try Client(session, baseURL: api)
print(try await client.get("/data").errorForStatus().text)
