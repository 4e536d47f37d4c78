package dev.rekindle.conformance

import dev.rekindle.Expected
import dev.rekindle.Loaded
import dev.rekindle.Owner
import dev.rekindle.Saved
import dev.rekindle.Store
import java.nio.file.Files
import java.nio.file.Path

/** Whether a process still lives. */
class Life {
    @Volatile
    var hasEnded = false
}

/** One record that all sessions of a case share, and what goes wrong with it. */
class Shared {
    var record: ByteArray? = null
    var saves = 0L
    var load = "works"
    var save = "works"
    val owners = HashMap<String, Life>()

    @Synchronized
    fun text(): String? = record?.let { String(it) }

    @Synchronized
    fun set(load: String?, save: String?) {
        this.load = load ?: this.load
        this.save = save ?: this.save
    }

    @Synchronized
    fun damage(how: String) {
        record = damaged(record!!, how)
        saves += 1
    }
}

/** The record as one process sees it. */
class ScriptedStore(private val shared: Shared, private val life: Life) : Store {
    override val identity: String get() = "scripted ${System.identityHashCode(shared)}"

    override suspend fun load(key: String): Loaded = synchronized(shared) {
        val record = shared.record
        when {
            shared.load != "works" || life.hasEnded -> Loaded.Unavailable("as scripted")
            record == null -> Loaded.Absent
            else -> Loaded.Present(record, "${shared.saves}")
        }
    }

    override suspend fun save(key: String, record: ByteArray, expected: Expected): Saved = synchronized(shared) {
        if (shared.save == "unavailable" || life.hasEnded) return Saved.Unavailable("as scripted")
        val fits = when (expected) {
            Expected.Anything -> true
            Expected.Absent -> shared.record == null
            is Expected.Version -> shared.record != null && expected.version == "${shared.saves}"
        }
        if (!fits) return Saved.Conflict
        shared.record = record
        shared.saves += 1
        if (shared.save == "lands") return Saved.Unavailable("as scripted, though it has landed")
        Saved.Done("${shared.saves}")
    }

    override suspend fun announce(key: String, owner: String): Unit = synchronized(shared) { shared.owners[owner] = life }

    override suspend fun owner(key: String, owner: String): Owner = synchronized(shared) {
        val life = shared.owners[owner] ?: return Owner.Unknown
        if (life.hasEnded) Owner.Dead else Owner.Alive
    }
}

/** Does to a file what happens to files. */
fun damageFile(path: Path, how: String) {
    val record = damaged(Files.readAllBytes(path), how)
    if (record == null) Files.delete(path) else Files.write(path, record)
}

private fun damaged(record: ByteArray, how: String): ByteArray? = when (how) {
    "remove" -> null
    "empty" -> ByteArray(0)
    "truncate" -> record.copyOf(record.size / 2)
    "garbage" -> ByteArray(record.size) { '#'.code.toByte() }
    "trailing" -> record + "}trailing".encodeToByteArray()
    else -> throw Complaint("there is no damage $how")
}
