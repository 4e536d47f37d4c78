/**
 * A fetch that stays signed in over restarts: the tokens are kept in a file. Where they are lost for good, it says where
 * to sign in.
 */
package authenticatedfetch

import dev.rekindle.Client
import dev.rekindle.Credential
import dev.rekindle.Dialect
import dev.rekindle.FileStore
import dev.rekindle.RekindleException
import dev.rekindle.Session

suspend fun main() {
    val api = System.getenv("API_URL")
    val session = Session(
        dialect = Dialect("json"),
        tokenUrl = "$api/api/token/refresh",
        credential = Credential(System.getenv("ACCESS_TOKEN"), System.getenv("REFRESH_TOKEN")),
        store = FileStore(System.getenv("SESSION_FILE")),
    )
    try {
        val response = Client(session, baseUrl = api).get("/data")
        println("${response.status} ${response.text()}")
    } catch (_: RekindleException.LoginRequired) {
        println("Please sign in: $api/login")
    }
}
