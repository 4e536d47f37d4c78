/** GET from a REST API. Its `401 {"error": "token_expired"}` is answered with a refresh, and the GET is sent again. */
package restjson

import dev.rekindle.Client
import dev.rekindle.Credential
import dev.rekindle.Dialect
import dev.rekindle.Session

suspend fun main() {
    val api = System.getenv("API_URL")
    val session = Session(
        dialect = Dialect("json"),
        tokenUrl = "$api/refresh",
        credential = Credential(System.getenv("ACCESS_TOKEN"), System.getenv("REFRESH_TOKEN")),
    )
    println(Client(session, baseUrl = api).get("/data").throwForStatus().text())
}
