package dev.rekindle.ktor

import dev.rekindle.Judged
import dev.rekindle.Operation
import dev.rekindle.RekindleException
import dev.rekindle.Session
import io.ktor.client.plugins.api.ClientPlugin
import io.ktor.client.plugins.api.Send
import io.ktor.client.plugins.api.createClientPlugin
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.statement.HttpResponse
import io.ktor.client.statement.request
import io.ktor.util.AttributeKey

/** The settings of the plugin [Rekindle]. */
public class RekindleConfig {
    /** The session whose token the client's requests carry. */
    public var session: Session? = null
}

/**
 * Sends this client's requests with the session's token.
 *
 * ```kotlin
 * val client = HttpClient(CIO) {
 *     install(Rekindle) { session = kept }
 * }
 * ```
 *
 * Adds the token to requests to the session's origins, and sends a request again if its token was rejected and that is safe. A
 * request that already has a credential is not changed; do not install Ktor's `Auth` for the same origins. After a redirect to
 * another origin the token is no longer sent. A redirect to a login page is not followed; it is returned without `Location`.
 *
 * A body that may be a stream is not sent again: the token is refreshed for the next request, and [judged] says why. If the
 * body can be produced again, say so with [replayable]. A GraphQL operation is read from the request's body; if that is not
 * possible, set it with [operation]. A streamed response (`prepareGet(..).execute`) with a status below 400 is judged only by
 * its status and headers.
 *
 * Errors of the session are thrown as [RekindleException]; [rejected] is the response that caused one.
 */
public val Rekindle: ClientPlugin<RekindleConfig> = createClientPlugin("Rekindle", ::RekindleConfig) {
    val session = pluginConfig.session
        ?: throw RekindleException.InvalidConfig("session is missing: install(Rekindle) { session = .. }")
    val authenticator = Authenticator(session)
    on(Send) { request -> authenticator.send(request) { proceed(it) } }
}

/** What this response says about the session's token; `null` if its request did not carry the token. */
public val HttpResponse.judged: Judged? get() = request.attributes.getOrNull(RedirectTrail.Key)?.judged

/** The response that caused the error, with its body read; `null` if there was none. */
public val RekindleException.rejected: HttpResponse? get() = suppressed.firstNotNullOfOrNull { (it as? Rejected)?.response }

/** Sets whether the body of this request can be sent a second time. */
public fun HttpRequestBuilder.replayable(isReplayable: Boolean = true) {
    attributes.put(ReplayableKey, isReplayable)
}

/** Sets what this request does, if its body does not show it. */
public fun HttpRequestBuilder.operation(operation: Operation) {
    attributes.put(OperationKey, operation)
}

/** Carries a Ktor response as a suppressed exception, because the library's exceptions do not depend on Ktor. */
internal class Rejected(@Transient val response: HttpResponse) :
    Exception("turned away with status ${response.status.value}")

internal val ReplayableKey = AttributeKey<Boolean>("RekindleReplayable")
internal val OperationKey = AttributeKey<Operation>("RekindleOperation")
