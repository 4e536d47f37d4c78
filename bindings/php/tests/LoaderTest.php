<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PHPUnit\Framework\TestCase;

/** What a user is told where the core can't be loaded. */
final class LoaderTest extends TestCase
{
    public function testWhereThereIsNeitherBothLinesThatHelpAreSaid(): void
    {
        $said = self::loaded(['-d', 'ffi.enable=0'], []);
        self::assertSame(
            'the extension rekindle is not loaded, and FFI, which could be used instead, is switched off here (cli): '
            . 'install the extension with `pie install rekindle/extension`, or set `ffi.enable=true` in php.ini',
            $said,
        );
    }

    public function testTheExtensionIsUsedWhereItIsLoaded(): void
    {
        $extension = 'extension=' . getenv('REKINDLE_EXTENSION');
        self::assertSame('1', self::loaded(['-d', $extension, '-d', 'ffi.enable=0'], ['REKINDLE_LIBRARY' => '/nowhere/library.so']));
    }

    public function testFfiThatIsThereIsUsed(): void
    {
        self::assertSame('1', self::loaded(['-d', 'ffi.enable=1'], []));
    }

    public function testALibraryThatIsNotThereIsNamed(): void
    {
        $said = self::loaded([], ['REKINDLE_LIBRARY' => '/nowhere/library.so']);
        self::assertStringStartsWith("/nowhere/library.so can't be loaded: ", $said);
    }

    public function testASystemWithoutALibraryIsToldHowToNameOne(): void
    {
        $said = self::loaded([], ['REKINDLE_LIBRARY' => '']);
        self::assertStringStartsWith('there is no library for this system (', $said);
        self::assertStringEndsWith('and name it with REKINDLE_LIBRARY', $said);
    }

    /**
     * @param list<string> $settings
     * @param array<string, string> $environment
     */
    private static function loaded(array $settings, array $environment): string
    {
        $command = [PHP_BINARY, ...$settings, __DIR__ . '/Workers/loading.php'];
        // The system's settings alone: these tests load the extension themselves.
        $environment += array_diff_key(getenv(), ['PHP_INI_SCAN_DIR' => 0]);
        $child = proc_open($command, [1 => ['pipe', 'w']], $pipes, null, $environment);
        self::assertIsResource($child);
        $said = (string) stream_get_contents($pipes[1]);
        self::assertSame(0, proc_close($child), $said);
        return $said;
    }
}
