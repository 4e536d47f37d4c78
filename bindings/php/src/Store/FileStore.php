<?php

declare(strict_types=1);

namespace Rekindle\Store;

/**
 * Keeps one record in a file, or a record for each key in a folder, for all processes of one machine: PHP's, the command
 * `rekindle`'s, and those of every other language. The core reads and writes it; the files are the user's alone (mode 0600).
 */
final class FileStore
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

    /**
     * @internal
     * @return array<string, string>
     */
    public function toCore(): array
    {
        return [$this->isFolder ? 'folder' : 'file' => $this->path];
    }
}
