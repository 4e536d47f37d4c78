<?php

declare(strict_types=1);

namespace Rekindle\Store;

use RuntimeException;

/**
 * Keeps one record in a file, or one record for each key in a folder, for all processes on one machine: in PHP, in any other language,
 * and the command `rekindle`. Only the user can read the files (mode 0600).
 */
final class FileStore implements Lister
{
    /** @param string $path a file that nothing else uses; missing folders are created */
    public function __construct(public readonly string $path, private readonly bool $isFolder = false)
    {
    }

    /** Returns a store that keeps one file for each session's `key` in a folder. */
    public static function folder(string $path): self
    {
        return new self($path, true);
    }

    public function keys(): array
    {
        if (!$this->isFolder) {
            throw new RuntimeException('a store of one record has no keys: use FileStore::folder');
        }
        if (!is_dir($this->path)) {
            // No session has been saved yet.
            return [];
        }
        $names = scandir($this->path);
        if ($names === false) {
            throw new RuntimeException('the folder cannot be read');
        }
        return array_values(array_filter(array_map(self::key(...), $names), static fn (?string $key): bool => $key !== null));
    }

    /**
     * Returns the key of a file name; null: the file belongs to no key, or its name was shortened. Lower-case letters, digits, `-`, `_` and
     * `@` stand for themselves; all other bytes are escaped, and so is the first letter of a name that Windows reserves for a device.
     */
    private static function key(string $name): ?string
    {
        $byte = '[a-z0-9_@-]|=[0-9a-f]{2}';
        if (preg_match("/^((?:{$byte})+)\\.json$/D", $name, $found) !== 1) {
            return null;
        }
        $decode = static fn (array $escape): string => chr((int) hexdec($escape[1]));
        $key = (string) preg_replace_callback('/=([0-9a-f]{2})/', $decode, $found[1]);
        // The core never writes another spelling of the key.
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
