package dev.rekindle.app

import com.android.tools.r8.R8
import dev.rekindle.testkit.TestServer
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import java.util.zip.ZipEntry
import java.util.zip.ZipFile
import java.util.zip.ZipOutputStream
import kotlin.io.path.createTempFile
import kotlin.io.path.exists
import kotlin.io.path.isDirectory
import kotlin.io.path.isRegularFile
import kotlin.io.path.pathString
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

class ShrunkTest {
    @Test
    fun `an app works after R8 by the rules that our jars carry`(@TempDir folder: Path) = TestServer(STRICT).use { server ->
        val shrunk = shrunk(folder)
        val tokens = server.expired()
        val words = listOf(server.url, tokens.access, tokens.refresh, folder.resolve("session").pathString)
        val app = ProcessBuilder(listOf(java(), "-cp", shrunk.pathString, "dev.rekindle.app.AppKt") + words)
            .redirectErrorStream(true).start()
        assertEquals("200\n200\ntrue\ntrue\ntrue", app.inputReader().readText().trim())
        assertEquals(1, server.count("refreshes"))
        assertTrue(classes(shrunk).none { it.startsWith("dev/rekindle/okhttp/") }, "R8 has renamed nothing")
    }

    private fun shrunk(folder: Path): Path {
        val rules = folder.resolve("app.pro")
        // The app's own entry, and what R8 asks every JVM app about OkHttp's optional parts.
        Files.writeString(rules, "-keep class dev.rekindle.app.AppKt { void main(java.lang.String[]); }\n-dontwarn **\n")
        val out = folder.resolve("shrunk.jar")
        val inputs = classPath().map { if (it.isDirectory()) packed(folder, it) else it }
        val options = listOf("--classfile", "--release", "--lib", System.getProperty("java.home"), "--pg-conf", rules.pathString)
        // In a process of its own: it ends its own on errors.
        val jar = Path.of(R8::class.java.protectionDomain.codeSource.location.toURI()).pathString
        val files = listOf("--output", out.pathString) + inputs.map { it.pathString }
        val command = listOf(java(), "-cp", jar, "com.android.tools.r8.R8") + options + files
        val r8 = ProcessBuilder(command).redirectErrorStream(true).start()
        val said = r8.inputReader().readText()
        assertEquals(0, r8.waitFor(), said)
        return out
    }

    /** What the app has at run time: not what its test has. */
    private fun classPath(): List<Path> = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
        .split(':').filter(String::isNotEmpty).map(Path::of).filter { it.exists() && TESTS.none { name -> name in it.pathString } }

    private fun packed(folder: Path, classes: Path): Path = createTempFile(folder, "classes", ".jar").also { jar ->
        ZipOutputStream(Files.newOutputStream(jar)).use { zip ->
            Files.walk(classes).filter { it.isRegularFile() }.forEach {
                zip.putNextEntry(ZipEntry(classes.relativize(it).pathString))
                Files.copy(it, zip)
            }
        }
    }

    private fun classes(jar: Path): List<String> = ZipFile(jar.toFile()).use { zip ->
        zip.entries().asSequence().map { it.name }.filter { it.endsWith(".class") }.toList()
    }

    private fun java() = Path.of(System.getProperty("java.home"), "bin", "java").pathString

    private companion object {
        const val STRICT = """{"dialect": "json", "rotation": "strict_family"}"""
        val TESTS = listOf(
            "test-classes", "testkit", "junit", "opentest4j", "apiguardian", "/r8/", "kotlin-test", "serialization", "surefire",
        )
    }
}
