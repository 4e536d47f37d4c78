package dev.rekindle.testkit

import dev.rekindle.Credential
import dev.rekindle.Session
import dev.rekindle.SigningKey
import java.util.Base64

/** A step of a script: the path is turned away for lack of a nonce, and says which. */
fun wantsNonce(path: String): String = """{"match": {"path": "$path"}, "respond": {"status": 401,
    "headers": {"WWW-Authenticate": "DPoP error=\"use_dpop_nonce\"", "DPoP-Nonce": "n-1"}}}"""

/** A step of a script: the path has moved. */
fun moved(path: String, to: String): String =
    """{"match": {"path": "$path"}, "respond": {"status": 302, "headers": {"Location": "$to"}}}"""

/** A session whose valid access token is bound to a key. */
fun boundSession(server: TestServer): Session = Session(
    tokenUrl = "${server.url}/token",
    clientId = "app",
    credential = Credential(accessToken = "at", refreshToken = "rt", tokenType = "DPoP"),
    origins = listOf(server.url),
    dpopKey = SigningKey.generate().first,
)

/** A bound session's request that is asked for a nonce and then redirected, through an HTTP client: gives the status. */
fun provesEachHopAndSend(get: (Session, String) -> Int) = TestServer().use { server ->
    server.play(wantsNonce("/here"), moved("/here", to = "/data"), """{"match": {"path": "/data"}}""")
    val status = get(boundSession(server), "${server.url}/here")
    val log = server.log()
    val claims = log.map { it.claims() }
    check(status == 200) { "the status is $status" }
    check(log.map { it.path } == listOf("/here", "/here", "/data")) { "was sent: ${log.map { it.path }}" }
    check(claims.toSet().size == 3) { "a proof was sent twice: $claims" }
    check("\"nonce\":\"n-1\"" in claims[1]) { "the nonce is not in ${claims[1]}" }
    check("/data\"" in claims[2]) { "the proof is for another URL: ${claims[2]}" }
}

/** What the proof of a request claims; an error where its token was not bound, or no proof was there. */
fun Logged.claims(): String {
    check(authorization == "DPoP at") { "the token went as $authorization" }
    return String(Base64.getUrlDecoder().decode(headers.getValue("dpop").split('.')[1]))
}
