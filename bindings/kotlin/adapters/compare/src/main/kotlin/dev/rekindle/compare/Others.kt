package dev.rekindle.compare

import dev.rekindle.testkit.Tokens
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.plugins.HttpTimeout
import io.ktor.client.plugins.auth.Auth
import io.ktor.client.plugins.auth.authProvider
import io.ktor.client.plugins.auth.providers.BearerAuthProvider
import io.ktor.client.plugins.auth.providers.BearerTokens
import io.ktor.client.plugins.auth.providers.RefreshTokensParams
import io.ktor.client.plugins.auth.providers.bearer
import io.ktor.client.request.post
import io.ktor.client.request.setBody
import io.ktor.client.statement.bodyAsText
import io.ktor.http.ContentType
import io.ktor.http.content.TextContent
import io.ktor.http.isSuccess
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import okhttp3.Authenticator
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import okhttp3.Route
import kotlin.time.toJavaDuration

private fun asked(tokens: Tokens) = """{"refreshToken": "${tokens.refresh}"}"""

private fun told(body: String): Tokens = Json.parseToJsonElement(body).jsonObject.let {
    Tokens(it.getValue("accessToken").jsonPrimitive.content, it.getValue("refreshToken").jsonPrimitive.content)
}

/** Ktor's own plugin, as its documentation shows it, with a store behind it. */
class KtorBearer(private val terms: Terms, outlives: Boolean) : Contender {
    private val store = TokenFile(terms.file, terms.tokens)
    // ANCHOR: ktor
    private val client = HttpClient(CIO) {
        install(HttpTimeout) { requestTimeoutMillis = terms.deadline.inWholeMilliseconds }
        install(Auth) {
            bearer {
                nonCancellableRefresh = outlives
                loadTokens { store.read()?.bearer() }
                refreshTokens { refreshed() }
                sendWithoutRequest { true }
            }
        }
    }
    // ANCHOR_END: ktor
    private val calls = Calls(client)

    override fun begin(path: String): Under = calls.begin(terms.url + path)

    override fun signOut() {
        store.clear()
        client.authProvider<BearerAuthProvider>()?.clearToken()
    }

    override fun close() = calls.close()

    private suspend fun RefreshTokensParams.refreshed(): BearerTokens? {
        val old = store.read() ?: return null
        val answer = client.post("${terms.url}/refresh") {
            markAsRefreshTokenRequest()
            setBody(TextContent(asked(old), ContentType.Application.Json))
        }
        if (!answer.status.isSuccess()) return null.also { store.clear() }
        return told(answer.bodyAsText()).also(store::write).bearer()
    }
}

private fun Tokens.bearer() = BearerTokens(access, refresh)

/** The pattern of many tutorials: an interceptor that adds the header, an Authenticator that refreshes under a lock. */
class CopiedAuthenticator(private val terms: Terms) : Contender {
    private val store = TokenFile(terms.file, terms.tokens)
    private val client = copied(store::read, store::write, "${terms.url}/refresh")
        .newBuilder().callTimeout(terms.deadline.toJavaDuration()).build()

    override fun begin(path: String): Under = client.begin(terms.url + path)

    override fun signOut() = store.clear()

    override fun close() = client.end()
}

// ANCHOR: okhttp
internal fun copied(read: () -> Tokens?, write: (Tokens) -> Unit, tokenUrl: String): OkHttpClient = OkHttpClient.Builder()
    .addInterceptor { chain ->
        val token = read()?.access
        val request = chain.request()
        chain.proceed(if (token == null) request else request.signed(token))
    }
    .authenticator(RefreshingAuthenticator(read, write, tokenUrl))
    .build()

private class RefreshingAuthenticator(
    private val read: () -> Tokens?,
    private val write: (Tokens) -> Unit,
    private val tokenUrl: String,
) : Authenticator {
    private val plain = OkHttpClient()

    override fun authenticate(route: Route?, response: Response): Request? {
        if (response.priorResponse != null) return null
        synchronized(this) {
            val current = read() ?: return null
            val isLate = response.request.header("Authorization") != "Bearer ${current.access}"
            val fresh = if (isLate) current else refreshed(current) ?: return null
            return response.request.signed(fresh.access)
        }
    }

    private fun refreshed(old: Tokens): Tokens? {
        val body = asked(old).toRequestBody("application/json".toMediaType())
        plain.newCall(Request.Builder().url(tokenUrl).post(body).build()).execute().use { answer ->
            return if (answer.isSuccessful) told(answer.body.string()).also(write) else null
        }
    }
}

private fun Request.signed(token: String) = newBuilder().header("Authorization", "Bearer $token").build()
// ANCHOR_END: okhttp
