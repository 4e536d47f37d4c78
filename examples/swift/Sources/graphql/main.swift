// A GraphQL query. `UNAUTHENTICATED` is answered with the mutation `refreshToken`, and the query is sent again.

import Foundation
import Rekindle

struct Answer: Decodable {
    let students: [Student]
}

struct Student: Decodable {
    let id: String
    let fullName: String
    let classroomName: String
}

let given = ProcessInfo.processInfo.environment
let api = given["API_URL"]!
let session = try Session(
    dialect: "graphql", tokenURL: api,
    credential: Credential(accessToken: given["ACCESS_TOKEN"], refreshToken: given["REFRESH_TOKEN"]))
let client = try Client(session, baseURL: api, graphQLPath: "/")
let answer: Answer = try await client.graphQL("{ students(limit: 5) { id fullName classroomName } }")
for student in answer.students {
    print("\(student.id): \(student.fullName), \(student.classroomName)")
}
