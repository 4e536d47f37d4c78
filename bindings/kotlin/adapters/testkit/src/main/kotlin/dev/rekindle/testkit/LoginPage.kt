package dev.rekindle.testkit

import dev.rekindle.Dialect

/** Spec 2.11: a server that redirects an expired session to its login page. */
object LoginPage {
    /** Where the redirects lead; its query is not compared. */
    const val LOCATION: String = "/login?next=1"

    /** The dialect of such a server. */
    val dialect: Dialect = Dialect.toml(
        """
        extends = "json"

        [[api.rules]]
        status = "3xx"
        location = true
        equals = "/login"
        verdict = "expired"
        applied = "no"
        """.trimIndent(),
    )

    /** A step of a script: the redirect that answers a request for this path, once or always. */
    fun redirect(path: String, status: Int = 302, to: String = LOCATION, always: Boolean = false): String {
        val repeat = if (always) "\"always\"" else "1"
        return """{"match": {"path": "$path"}, "respond": {"status": $status, "headers": {"Location": "$to"}}, "repeat": $repeat}"""
    }
}
