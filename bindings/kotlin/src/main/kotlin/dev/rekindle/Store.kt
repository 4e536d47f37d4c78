package dev.rekindle

import dev.rekindle.ffi.Expected as NativeExpected
import dev.rekindle.ffi.Loaded as NativeLoaded
import dev.rekindle.ffi.Owner as NativeOwner
import dev.rekindle.ffi.Saved as NativeSaved
import dev.rekindle.ffi.Store as NativeStore
import dev.rekindle.ffi.StoreChoice
import dev.rekindle.ffi.StoreFailure
import java.nio.file.Path

/** Where a credential is kept: [MemoryStore], [FileStore], or a [Store] of one's own. */
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

/**
 * A store of one's own: a keystore, a preferences file, a database.
 *
 * Its functions may block or suspend; they run on threads that are made for it. What they throw counts as "cannot tell
 * now", never as "no record". A call that takes more than five seconds counts as unavailable; a save that has begun goes
 * on to its end. They must not call the session that they serve.
 */
public interface Store : CredentialStore {
    /** Two stores of one identity hold the same record; sessions of one process then share their state. */
    public val identity: String? get() = null

    /** Whether other processes use it too. */
    public val isShared: Boolean get() = true

    /** The record and its version; [Loaded.Absent] only if there certainly is none. */
    public suspend fun load(): Loaded

    /** Replaces the record if it is still what was expected, in one step. */
    public suspend fun save(record: ByteArray, expected: Expected): Saved

    /** From now on this owner lives; its death can be told. */
    public suspend fun announce(owner: String) {}

    /** The owner is done. */
    public suspend fun retire(owner: String) {}

    /** Whether an owner lives. */
    public suspend fun owner(owner: String): Owner = Owner.Unknown
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
    is Store -> StoreChoice.Host(HostStore(this, inside), identity, isShared)
}

private class HostStore(private val store: Store, private val inside: Any) : NativeStore {
    override suspend fun load(): NativeLoaded = ask {
        when (val found = store.load()) {
            is Loaded.Present -> NativeLoaded.Present(found.record, found.version)
            Loaded.Absent -> NativeLoaded.Absent
            is Loaded.Unavailable -> throw StoreFailure.Unavailable(found.reason)
        }
    }

    override suspend fun save(record: ByteArray, expected: NativeExpected): NativeSaved = ask {
        val wanted = when (expected) {
            NativeExpected.Absent -> Expected.Absent
            is NativeExpected.Version -> Expected.Version(expected.version)
            NativeExpected.Anything -> Expected.Anything
        }
        when (val saved = store.save(record, wanted)) {
            is Saved.Done -> NativeSaved.Done(saved.version)
            Saved.Conflict -> NativeSaved.Conflict
            is Saved.Unavailable -> throw StoreFailure.Unavailable(saved.reason)
        }
    }

    override suspend fun announce(owner: String) = ask { store.announce(owner) }

    override suspend fun retire(owner: String) = ask { store.retire(owner) }

    override suspend fun owner(owner: String): NativeOwner = ask {
        when (store.owner(owner)) {
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
