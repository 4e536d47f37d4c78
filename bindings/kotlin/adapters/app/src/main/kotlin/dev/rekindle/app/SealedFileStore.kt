package dev.rekindle.app

import dev.rekindle.Expected
import dev.rekindle.Loaded
import dev.rekindle.Saved
import dev.rekindle.Store
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import java.io.IOException
import java.nio.channels.FileChannel
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardCopyOption.REPLACE_EXISTING
import java.nio.file.StandardOpenOption.CREATE
import java.nio.file.StandardOpenOption.WRITE
import java.security.GeneralSecurityException
import java.security.MessageDigest
import javax.crypto.Cipher
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

private const val NONCE_BYTES = 12
private const val TAG_BITS = 128

/**
 * Keeps the record in a file, sealed by a key that never leaves its place: on Android one of the Keystore. For all processes
 * of an app.
 *
 * A key that cannot be used now (the phone is locked, the file is from another phone's backup) means "cannot tell", never
 * "nobody is signed in"; a new sign-in writes over it.
 */
class SealedFileStore(private val file: Path, private val key: () -> SecretKey) : Store {
    override val identity: String = file.toAbsolutePath().toString()

    private val mutex = Mutex()

    override suspend fun load(key: String): Loaded = try {
        mutex.withLock { read() }?.let { sealed -> Loaded.Present(open(sealed), version(sealed)) } ?: Loaded.Absent
    } catch (locked: GeneralSecurityException) {
        Loaded.Unavailable("the record cannot be opened now: ${locked.javaClass.simpleName}")
    } catch (broken: IOException) {
        Loaded.Unavailable("the file cannot be read: ${broken.javaClass.simpleName}")
    }

    override suspend fun save(key: String, record: ByteArray, expected: Expected): Saved = try {
        val sealed = seal(record)
        mutex.withLock { alone { if (fits(expected)) write(sealed) else Saved.Conflict } }
    } catch (locked: GeneralSecurityException) {
        Saved.Unavailable("the record cannot be sealed now: ${locked.javaClass.simpleName}")
    } catch (broken: IOException) {
        Saved.Unavailable("the file cannot be written: ${broken.javaClass.simpleName}")
    }

    private fun fits(expected: Expected): Boolean = when (expected) {
        Expected.Anything -> true
        Expected.Absent -> !Files.exists(file)
        is Expected.Version -> read()?.let(::version) == expected.version
    }

    /** Other processes of the app wait meanwhile; nothing else is done here than to read and to write. */
    private inline fun <T> alone(work: () -> T): T =
        FileChannel.open(beside(".lock"), CREATE, WRITE).use { channel -> channel.lock().use { work() } }

    private fun read(): ByteArray? = if (Files.exists(file)) Files.readAllBytes(file) else null

    /** Whole or not at all, whenever the process is killed. */
    private fun write(sealed: ByteArray): Saved {
        val fresh = beside(".new")
        FileChannel.open(fresh, CREATE, WRITE).use { channel ->
            channel.truncate(0)
            channel.write(java.nio.ByteBuffer.wrap(sealed))
            channel.force(true)
        }
        Files.move(fresh, file, ATOMIC_MOVE, REPLACE_EXISTING)
        return Saved.Done(version(sealed))
    }

    private fun seal(record: ByteArray): ByteArray {
        val cipher = Cipher.getInstance("AES/GCM/NoPadding")
        // The Keystore makes the nonce, and refuses one that is given.
        cipher.init(Cipher.ENCRYPT_MODE, key())
        return cipher.iv + cipher.doFinal(record)
    }

    private fun open(sealed: ByteArray): ByteArray {
        if (sealed.size <= NONCE_BYTES) throw GeneralSecurityException("too short")
        val cipher = Cipher.getInstance("AES/GCM/NoPadding")
        cipher.init(Cipher.DECRYPT_MODE, key(), GCMParameterSpec(TAG_BITS, sealed, 0, NONCE_BYTES))
        return cipher.doFinal(sealed, NONCE_BYTES, sealed.size - NONCE_BYTES)
    }

    private fun version(sealed: ByteArray): String =
        MessageDigest.getInstance("SHA-256").digest(sealed).joinToString("") { "%02x".format(it) }

    private fun beside(suffix: String): Path = file.resolveSibling("${file.fileName}$suffix")
}
