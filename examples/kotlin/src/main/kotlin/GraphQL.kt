/** A GraphQL query. `UNAUTHENTICATED` is answered with the mutation `refreshToken`, and the query is sent again. */
package graphql

import dev.rekindle.Client
import dev.rekindle.Credential
import dev.rekindle.Dialect
import dev.rekindle.Session

suspend fun main() {
    val api = System.getenv("API_URL")
    val session = Session(
        dialect = Dialect("graphql"),
        tokenUrl = api,
        credential = Credential(System.getenv("ACCESS_TOKEN"), System.getenv("REFRESH_TOKEN")),
    )
    val client = Client(session, baseUrl = api, graphqlPath = "/")
    println(client.graphql("{ students(limit: 5) { id fullName classroomName } }"))
}
