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

/** Where credentials are kept: [MemoryStore], [FileStore], [FolderStore], or a [Store] of one's own. */
public sealed interface CredentialStore

/** This process' memory: the default. */
public class MemoryStore : CredentialStore

/** A file that all processes of one machine share, mode 0600; a killed process loses nothing. */
public class FileStore(
    /** Where it is. */
    public val path: Path,
) : CredentialStore {
    /** By the path's text. */
    public constructor(path: String) : this(Path.of(path))

    override fun toString(): String = "FileStore($path)"
}

/** A folder with a file for each key of an [App], as [FileStore]. */
public class FolderStore(
    /** Where it is. */
    public val path: Path,
) : CredentialStore {
    /** By the path's text. */
    public constructor(path: String) : this(Path.of(path))

    override fun toString(): String = "FolderStore($path)"
}

/**
 * A store of one's own: a keystore, a preferences file, a database. It keeps a record for each key: each session of an [App]
 * has one of its own, that of a [Session] alone is `default`.
 *
 * Its functions may block or suspend; they run on threads that are made for it. What they throw counts as "cannot tell
 * now", never as "no record". A call that takes more than five seconds counts as unavailable; a save that has begun goes
 * on to its end. They must not call the session that they serve.
 */
public interface Store : CredentialStore {
    /** Two stores of one identity hold the same records. Without the key; none: it is shared with nobody. */
    public val identity: String? get() = null

    /** Whether other processes use it too. */
    public val isShared: Boolean get() = true

    /** Whether there is a wake-up: [changed]. */
    public val wakes: Boolean get() = false

    /** The record of that key and its version; [Loaded.Absent] only if there certainly is none. */
    public suspend fun load(key: String): Loaded

    /** Replaces the record of that key if it is still what was expected, in one step. */
    public suspend fun save(key: String, record: ByteArray, expected: Expected): Saved

    /** From now on this owner lives; its death can be told. */
    public suspend fun announce(key: String, owner: String) {}

    /** The owner is done. */
    public suspend fun retire(key: String, owner: String) {}

    /** Whether an owner lives. */
    public suspend fun owner(key: String, owner: String): Owner = Owner.Unknown

    /**
     * Returns when the record of that key may have changed: a wake-up for those who wait for another process' refresh. It is
     * cancelled when nobody waits any more. Asked only where [wakes] says so.
     */
    public suspend fun changed(key: String): Unit = awaitCancellation()

    /** The store's own clock, if it has one. */
    public suspend fun now(): Instant? = null
}

/** What a store found. */
public sealed interface Loaded {
    /** A record, opaque to the store, and its version: equal versions mean equal records. */
    public class Present(
        /** The record. It holds tokens. */
        public val record: ByteArray,
        /** The version. */
        public val version: String,
    ) : Loaded {
        override fun toString(): String = "Present(<${record.size} bytes>, version=$version)"
    }

    /** There is none. */
    public data object Absent : Loaded

    /** Nobody can tell now: locked, out of reach. */
    public data class Unavailable(
        /** Why. It goes into errors: no secrets. */
        val reason: String,
    ) : Loaded
}

/** What a save may replace. */
public sealed interface Expected {
    /** There is no record. */
    public data object Absent : Expected

    /** The record of this version. */
    public data class Version(
        /** The version. */
        val version: String,
    ) : Expected

    /** Whatever is there: a sign-in, a sign-out. */
    public data object Anything : Expected
}

/** What came of a save. */
public sealed interface Saved {
    /** It is saved, as this version. */
    public data class Done(
        /** The version. */
        val version: String,
    ) : Saved

    /** The record was another one than expected, and was left alone. */
    public data object Conflict : Saved

    /** It could not be written. */
    public data class Unavailable(
        /** Why. It goes into errors: no secrets. */
        val reason: String,
    ) : Saved
}

/** Whether the owner of a lease lives. */
public enum class Owner {
    /** It does. */
    Alive,

    /** It is gone, for sure. */
    Dead,

    /** Nobody can tell. */
    Unknown,
}

internal fun CredentialStore.native(inside: Any): StoreChoice = when (this) {
    is MemoryStore -> StoreChoice.Memory
    is FileStore -> StoreChoice.File(path.toString())
    is FolderStore -> StoreChoice.Folder(path.toString())
    is Store -> StoreChoice.Host(HostStore(this, inside), identity, isShared, instance(this), wakes)
}

/** Tells objects apart that claim one identity. Nobody's is 0. */
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

    // Another's text could quote the record.
    private fun unavailable(thrown: Throwable): StoreFailure {
        val text = (thrown as? RekindleException)?.message ?: "the store threw ${thrown.javaClass.simpleName}"
        return StoreFailure.Unavailable(text)
    }
}
