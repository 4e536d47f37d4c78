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

/** What the plugin needs. */
public class RekindleConfig {
    /** The session that the client's requests are sent with. */
    public var session: Session? = null
}

/**
 * Keeps the requests of this client signed in.
 *
 * ```kotlin
 * val client = HttpClient(CIO) {
 *     install(Rekindle) { session = kept }
 * }
 * ```
 *
 * Puts the session's token on requests to the session's origins, and sends them again where the token was turned away and
 * that is safe. A request that has a credential of its own is left alone; do not install Ktor's `Auth` beside it for the
 * same origins. A redirect to elsewhere loses the token, for good.
 *
 * A body that may be a stream is sent once: the token is refreshed for the next request, and [judged] says why. Where it
 * can be made anew, say so with [replayable]. What a GraphQL request does is read from its body; where that cannot be,
 * say it with [operation]. An answer that is streamed (`prepareGet(..).execute`) is judged by its status and headers alone
 * unless its status says that something is wrong.
 *
 * Errors of the session's are thrown as they are: a [RekindleException], which knows the response that it follows from ([rejected]).
 */
public val Rekindle: ClientPlugin<RekindleConfig> = createClientPlugin("Rekindle", ::RekindleConfig) {
    val session = pluginConfig.session
        ?: throw RekindleException.InvalidConfig("session is missing: install(Rekindle) { session = .. }")
    val authenticator = Authenticator(session)
    on(Send) { request -> authenticator.send(request) { proceed(it) } }
}

/** What this response said about the session's token; nothing where that was no question. */
public val HttpResponse.judged: Judged? get() = request.attributes.getOrNull(RedirectTrail.Key)?.judged

/** The response that the error follows from, its body read; nothing where the error came before the request. */
public val RekindleException.rejected: HttpResponse? get() = suppressed.firstNotNullOfOrNull { (it as? Rejected)?.response }

/** The body of this request can, or cannot, be sent a second time. */
public fun HttpRequestBuilder.replayable(isReplayable: Boolean = true) {
    attributes.put(ReplayableKey, isReplayable)
}

/** What this request does, where its body does not tell. */
public fun HttpRequestBuilder.operation(operation: Operation) {
    attributes.put(OperationKey, operation)
}

/** The library's exceptions know nothing of Ktor: it goes along beneath them. */
internal class Rejected(@Transient val response: HttpResponse) :
    Exception("turned away with status ${response.status.value}")

internal val ReplayableKey = AttributeKey<Boolean>("RekindleReplayable")
internal val OperationKey = AttributeKey<Operation>("RekindleOperation")
