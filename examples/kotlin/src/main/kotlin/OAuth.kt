/** OAuth 2.0: the refresh of RFC 6749, `invalid_grant` as "sign in again", and the counters to watch. */
package oauth

import dev.rekindle.Client
import dev.rekindle.Credential
import dev.rekindle.RekindleException
import dev.rekindle.Session

suspend fun main() {
    val session = Session(
        tokenUrl = System.getenv("TOKEN_URL"),
        clientId = System.getenv("CLIENT_ID"),
        clientSecret = System.getenv("CLIENT_SECRET"),
        credential = Credential(System.getenv("ACCESS_TOKEN"), System.getenv("REFRESH_TOKEN")),
    )
    try {
        println(Client(session, baseUrl = System.getenv("API_URL")).get("/data").throwForStatus().text())
    } catch (e: RekindleException.LoginRequired) {
        println("Please sign in again: ${e.message}")
    }
    val stats = session.stats()
    println("${stats["refreshes"]} refreshes, ${stats["logins_required"]} sign-ins lost")
}
