package dev.rekindle

import dev.rekindle.ffi.Expected as NativeExpected
import dev.rekindle.ffi.Loaded as NativeLoaded
import dev.rekindle.ffi.Owner as NativeOwner
import dev.rekindle.ffi.Saved as NativeSaved
import dev.rekindle.ffi.Store as NativeStore
import dev.rekindle.ffi.StoreChoice
import dev.rekindle.ffi.StoreFailure
import kotlinx.coroutines.awaitCancellation
import java.nio.file.Path
import java.time.Instant

/** Where credentials are kept: [MemoryStore], [FileStore], [FolderStore], or your own [Store]. */
public sealed interface CredentialStore

/** Keeps credentials in this process's memory; the default. */
public class MemoryStore : CredentialStore

/** Keeps one credential in a file (mode 0600) that processes on one machine can share. Writes are durable. */
public class FileStore(
    /** The file's path. */
    public val path: Path,
) : CredentialStore {
    /** The file at this path. */
    public constructor(path: String) : this(Path.of(path))

    override fun toString(): String = "FileStore($path)"
}

/** Keeps the credentials of an [App] in a folder, with a file like a [FileStore]'s for each key. */
public class FolderStore(
    /** The folder's path. */
    public val path: Path,
) : CredentialStore {
    /** The folder at this path. */
    public constructor(path: String) : this(Path.of(path))

    override fun toString(): String = "FolderStore($path)"
}

/**
 * Your own store, such as a keystore or a database. It keeps one record for each key: each session of an [App] has a key of its
 * own; the key of a single [Session] is `default`.
 *
 * Its functions may block or suspend; they run on `Dispatchers.IO`. An exception means that the store is unavailable, never
 * that there is no record. So does a call that takes more than five seconds; a save in progress still runs to its end. The
 * functions must not call the session that they serve.
 */
public interface Store : CredentialStore {
    /** Identifies the records, without the key: two stores of the same identity hold the same records. `null`: not shared. */
    public val identity: String? get() = null

    /** Whether other processes use the store too. */
    public val isShared: Boolean get() = true

    /** Whether [changed] is implemented. */
    public val wakes: Boolean get() = false

    /** Returns the record of this key with its version; [Loaded.Absent] only if there certainly is none. */
    public suspend fun load(key: String): Loaded

    /** Atomically replaces the record of this key if it is still the expected one. */
    public suspend fun save(key: String, record: ByteArray, expected: Expected): Saved

    /** Registers a lease owner, so that [owner] can report when its process has ended. */
    public suspend fun announce(key: String, owner: String) {}

    /** Removes a lease owner. */
    public suspend fun retire(key: String, owner: String) {}

    /** Whether a lease owner's process is still running. */
    public suspend fun owner(key: String, owner: String): Owner = Owner.Unknown

    /**
     * Returns when the record of this key may have changed; called while callers wait for another process's refresh, if
     * [wakes] is true. It is cancelled when no caller waits any more.
     */
    public suspend fun changed(key: String): Unit = awaitCancellation()

    /** The time of the store's own clock, if it has one. */
    public suspend fun now(): Instant? = null
}

/** The result of [Store.load]. */
public sealed interface Loaded {
    /** A record and its version. Equal versions mean equal records. */
    public class Present(
        /** The record, opaque to the store. It contains tokens. */
        public val record: ByteArray,
        /** The version. */
        public val version: String,
    ) : Loaded {
        override fun toString(): String = "Present(<${record.size} bytes>, version=$version)"
    }

    /** There is no record. */
    public data object Absent : Loaded

    /** The store cannot be read now: it is locked or unreachable. */
    public data class Unavailable(
        /** Why. Included in errors, so it must contain no secrets. */
        val reason: String,
    ) : Loaded
}

/** What a save may replace. */
public sealed interface Expected {
    /** No record. */
    public data object Absent : Expected

    /** The record of this version. */
    public data class Version(
        /** The version. */
        val version: String,
    ) : Expected

    /** Any record or none: a sign-in or sign-out replaces everything. */
    public data object Anything : Expected
}

/** The result of [Store.save]. */
public sealed interface Saved {
    /** The record was saved. */
    public data class Done(
        /** The new version. */
        val version: String,
    ) : Saved

    /** The record was not the expected one, and was not changed. */
    public data object Conflict : Saved

    /** The record could not be written. */
    public data class Unavailable(
        /** Why. Included in errors, so it must contain no secrets. */
        val reason: String,
    ) : Saved
}

/** Whether the process of a lease's owner is running. */
public enum class Owner {
    /** It is running. */
    Alive,

    /** It has certainly ended. */
    Dead,

    /** Not known. */
    Unknown,
}

internal fun CredentialStore.native(inside: Any): StoreChoice = when (this) {
    is MemoryStore -> StoreChoice.Memory
    is FileStore -> StoreChoice.File(path.toString())
    is FolderStore -> StoreChoice.Folder(path.toString())
    is Store -> StoreChoice.Host(HostStore(this, inside), identity, isShared, instance(this), wakes)
}

/** Distinguishes store objects of the same identity. Never 0. */
private fun instance(store: Store): ULong = System.identityHashCode(store).toULong() + 1u

private class HostStore(private val store: Store, private val inside: Any) : NativeStore {
    override suspend fun load(key: String): NativeLoaded = ask {
        when (val found = store.load(key)) {
            is Loaded.Present -> NativeLoaded.Present(found.record, found.version)
            Loaded.Absent -> NativeLoaded.Absent
            is Loaded.Unavailable -> throw StoreFailure.Unavailable(found.reason)
        }
    }

    override suspend fun save(key: String, record: ByteArray, expected: NativeExpected): NativeSaved = ask {
        val wanted = when (expected) {
            NativeExpected.Absent -> Expected.Absent
            is NativeExpected.Version -> Expected.Version(expected.version)
            NativeExpected.Anything -> Expected.Anything
        }
        when (val saved = store.save(key, record, wanted)) {
            is Saved.Done -> NativeSaved.Done(saved.version)
            Saved.Conflict -> NativeSaved.Conflict
            is Saved.Unavailable -> throw StoreFailure.Unavailable(saved.reason)
        }
    }

    override suspend fun announce(key: String, owner: String) = ask { store.announce(key, owner) }

    override suspend fun retire(key: String, owner: String) = ask { store.retire(key, owner) }

    override suspend fun changed(key: String) = ask { store.changed(key) }

    override suspend fun now(): Instant? = ask { store.now() }

    override suspend fun owner(key: String, owner: String): NativeOwner = ask {
        when (store.owner(key, owner)) {
            Owner.Alive -> NativeOwner.ALIVE
            Owner.Dead -> NativeOwner.DEAD
            Owner.Unknown -> NativeOwner.UNKNOWN
        }
    }

    private suspend fun <T> ask(call: suspend () -> T): T = hosted(inside, { it as? StoreFailure ?: unavailable(it) }, call)

    // Another exception's message could contain the record.
    private fun unavailable(thrown: Throwable): StoreFailure {
        val text = (thrown as? RekindleException)?.message ?: "the store threw ${thrown.javaClass.simpleName}"
        return StoreFailure.Unavailable(text)
    }
}
