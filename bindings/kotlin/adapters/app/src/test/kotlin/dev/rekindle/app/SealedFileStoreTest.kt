package dev.rekindle.app

import dev.rekindle.Expected
import dev.rekindle.Loaded
import dev.rekindle.Saved
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import java.security.InvalidKeyException
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs

class SealedFileStoreTest {
    @TempDir
    lateinit var folder: Path

    private val key: SecretKey = KeyGenerator.getInstance("AES").generateKey()
    private val record = "a record with a token".toByteArray()

    @Test
    fun `what was saved is loaded, also by another, and lies there sealed`() = ran {
        assertEquals(Loaded.Absent, store().load("default"))
        val saved = assertIs<Saved.Done>(store().save("default", record, Expected.Absent))
        val loaded = assertIs<Loaded.Present>(store().load("default"))
        assertContentEquals(record, loaded.record)
        assertEquals(saved.version, loaded.version)
        assertFalse("token" in Files.readAllBytes(file()).decodeToString())
    }

    @Test
    fun `a save replaces what was expected and nothing else`() = ran {
        val first = assertIs<Saved.Done>(store().save("default", record, Expected.Absent))
        assertEquals(Saved.Conflict, store().save("default", record, Expected.Absent))
        assertIs<Saved.Done>(store().save("default", record, Expected.Version(first.version)))
        assertEquals(Saved.Conflict, store().save("default", record, Expected.Version(first.version)))
        assertIs<Saved.Done>(store().save("default", record, Expected.Anything))
    }

    @Test
    fun `a locked or foreign key means that nobody can tell and a sign-in writes over it`() = ran {
        store().save("default", record, Expected.Absent)
        assertIs<Loaded.Unavailable>(store { throw InvalidKeyException("locked") }.load("default"))
        assertIs<Saved.Unavailable>(store { throw InvalidKeyException("locked") }.save("default", record, Expected.Anything))
        val other = KeyGenerator.getInstance("AES").generateKey()
        assertIs<Loaded.Unavailable>(store { other }.load("default"))
        assertIs<Saved.Done>(store { other }.save("default", record, Expected.Anything))
        assertIs<Loaded.Present>(store { other }.load("default"))
    }

    @Test
    fun `a damaged file means that nobody can tell`() = ran {
        Files.write(file(), byteArrayOf(1, 2, 3))
        assertIs<Loaded.Unavailable>(store().load("default"))
    }

    private fun file() = folder.resolve("session")

    private fun store(key: () -> SecretKey = { this.key }) = SealedFileStore(file(), key)

    private fun ran(run: suspend () -> Unit) = runBlocking { run() }
}
