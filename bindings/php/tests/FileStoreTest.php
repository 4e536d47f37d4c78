<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PHPUnit\Framework\TestCase;
use Rekindle\Session;
use Rekindle\Store\FileStore;
use Rekindle\Tokens;

final class FileStoreTest extends TestCase
{
    private string $folder;

    protected function setUp(): void
    {
        $this->folder = sys_get_temp_dir() . '/rekindle-' . bin2hex(random_bytes(8));
        mkdir($this->folder, 0o700);
    }

    protected function tearDown(): void
    {
        foreach ((array) glob("{$this->folder}/{,.}[!.]*", GLOB_BRACE) as $file) {
            is_dir((string) $file) || unlink((string) $file);
        }
        @rmdir($this->folder);
    }

    /** spec 7.7 */
    public function testWhatOneSessionSavedAnotherReads(): void
    {
        $store = new FileStore("{$this->folder}/session.json");
        $tokenUrl = 'https://auth.example.com/token';
        $first = new Session(tokenUrl: $tokenUrl, tokens: new Tokens('AT-1', 'RT-1', 900), store: $store, alone: true);
        self::assertSame('AT-1', $first->token()->value());
        $second = new Session(tokenUrl: $tokenUrl, store: $store, alone: true);
        self::assertSame('AT-1', $second->token()->value());
        self::assertSame(0o600, fileperms($store->path) & 0o777);
        self::assertStringStartsWith('rekindle-store 1 ', (string) file_get_contents($store->path));
    }

    public function testAPathThatIsEmptyIsNamed(): void
    {
        $this->expectExceptionMessage('store: the file or the folder needs a path');
        new Session(tokenUrl: 'https://auth.example.com/token', store: new FileStore(''));
    }
}
