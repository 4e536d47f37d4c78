package dev.rekindle

import dev.rekindle.ffi.BodyFactory
import dev.rekindle.ffi.Part as NativePart
import dev.rekindle.ffi.PartContent
import dev.rekindle.ffi.RequestBody
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.produceIn
import java.nio.file.Path
import java.util.concurrent.atomic.AtomicBoolean

/** The body of a request. */
public class Body private constructor(internal val make: (inside: Any) -> RequestBody) {
    public companion object {
        /** A body of these bytes. */
        public fun bytes(bytes: ByteArray): Body = Body { RequestBody.Bytes(bytes) }

        /** A body of this text, in UTF-8. */
        public fun text(text: String): Body = bytes(text.encodeToByteArray())

        /** A body of JSON text, sent as `application/json` unless the headers set another type. */
        public fun json(text: String): Body = Body { RequestBody.Json(text) }

        /** A form, sent as `application/x-www-form-urlencoded`. */
        public fun form(vararg fields: Pair<String, String>): Body =
            Body { RequestBody.Form(fields.map { (name, value) -> dev.rekindle.ffi.Header(name, value) }) }

        /** A form with files, sent as `multipart/form-data`. */
        public fun multipart(vararg parts: Part): Body = Body { RequestBody.Multipart(parts.map(Part::native)) }

        /** A stream that can be read only once: its request is not sent again, and no second request can use it. */
        public fun once(chunks: Flow<ByteArray>, length: Long? = null): Body {
            val isSent = AtomicBoolean()
            return Body {
                if (isSent.getAndSet(true)) {
                    throw RekindleException.Misuse("the body has been sent, and it comes once: make a new one, or a repeatable one")
                }
                RequestBody.Once(HostSource(FlowSource(null) { chunks }, it), length?.toULong())
            }
        }

        /** A stream that can be collected again for each send. */
        public fun repeatable(length: Long? = null, chunks: () -> Flow<ByteArray>): Body = Body { inside ->
            val factory = object : BodyFactory {
                private var last: FlowSource? = null

                override fun open(): HostSource {
                    val source = FlowSource(last, chunks)
                    last = source
                    return HostSource(source, inside)
                }
            }
            RequestBody.Factory(factory, length?.toULong())
        }
    }
}

/** A part of a multipart form. */
public class Part private constructor(
    private val name: String,
    private val content: PartContent,
    private val fileName: String?,
    private val contentType: String?,
) {
    /** A part of these bytes. */
    public constructor(name: String, bytes: ByteArray, fileName: String? = null, contentType: String? = null) :
        this(name, PartContent.Bytes(bytes), fileName, contentType)

    /** A part from a file, which is read while the request is sent. */
    public constructor(name: String, file: Path, fileName: String? = null, contentType: String? = null) :
        this(name, PartContent.File(file.toString()), fileName, contentType)

    internal fun native() = NativePart(name, content, fileName, contentType)
}

/** Passes on what a flow emits. A flow is collected ahead of its reader, so the collector [before] this one must end first. */
private class FlowSource(private var before: FlowSource?, private val chunks: () -> Flow<ByteArray>) : BodySource {
    private val job = SupervisorJob()
    private var received: ReceiveChannel<ByteArray>? = null

    override suspend fun next(): ByteArray? {
        val received = received ?: begin().also { received = it }
        val result = received.receiveCatching()
        result.exceptionOrNull()?.let { throw it }
        return result.getOrNull()
    }

    private suspend fun begin(): ReceiveChannel<ByteArray> {
        before?.job?.cancelAndJoin()
        before = null
        return chunks().produceIn(CoroutineScope(Dispatchers.IO + job))
    }

    override fun release() {
        job.cancel()
    }
}
