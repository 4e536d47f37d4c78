<?php

declare(strict_types=1);

namespace Rekindle\Store;

use RuntimeException;

/**
 * Keeps one record in a file, or a record for each key in a folder, for all processes of one machine: PHP's, the command
 * `rekindle`'s, and those of every other language. The core reads and writes it; the files are the user's alone (mode 0600).
 */
final class FileStore implements Lister
{
    /** @param string $path of a file of its own; missing folders are made */
    public function __construct(public readonly string $path, private readonly bool $isFolder = false)
    {
    }

    /** With a file for each session's `key`. */
    public static function folder(string $path): self
    {
        return new self($path, true);
    }

    public function keys(): array
    {
        if (!$this->isFolder) {
            throw new RuntimeException('a store of one record has no keys: take FileStore::folder');
        }
        if (!is_dir($this->path)) {
            // Nobody has signed in yet.
            return [];
        }
        $names = scandir($this->path);
        if ($names === false) {
            throw new RuntimeException('the folder cannot be read');
        }
        return array_values(array_filter(array_map(self::key(...), $names), static fn (?string $key): bool => $key !== null));
    }

    /**
     * The key of that file name, where it is one of a key's and was not cut: lower-case letters, digits, `-`, `_` and `@` stand for
     * themselves, other bytes are escaped, and so is the first letter where Windows would take the name for a device's.
     */
    private static function key(string $name): ?string
    {
        $byte = '[a-z0-9_@-]|=[0-9a-f]{2}';
        if (preg_match("/^((?:{$byte})+)\\.json$/D", $name, $found) !== 1) {
            return null;
        }
        $decode = static fn (array $escape): string => chr((int) hexdec($escape[1]));
        $key = (string) preg_replace_callback('/=([0-9a-f]{2})/', $decode, $found[1]);
        // Another spelling is another file: no key has it.
        $encode = static fn (array $byte): string => sprintf('=%02x', ord($byte[0]));
        $written = (string) preg_replace_callback('/[^a-z0-9_@-]/', $encode, $key);
        if (preg_match('/^(con|prn|aux|nul|com|lpt)/', $written) === 1) {
            $written = sprintf('=%02x', ord($written[0])) . substr($written, 1);
        }
        return $written === $found[1] && preg_match('//u', $key) === 1 ? $key : null;
    }

    /**
     * @internal
     * @return array<string, string>
     */
    public function toCore(): array
    {
        return [$this->isFolder ? 'folder' : 'file' => $this->path];
    }
}
