<?php

declare(strict_types=1);

namespace Rekindle\Core;

use CurlHandle;

/**
 * What curl reads of a response.
 *
 * @internal
 */
final class ReceivedAnswer
{
    /** @var list<array{string, string}> */
    private array $headers = [];
    private string $body = '';
    private bool $isTooLong = false;

    /** `most`: so many bytes of the body at most, as they are once they are unpacked. */
    public function __construct(private readonly int $most)
    {
    }

    public function header(CurlHandle $handle, string $line): int
    {
        if (str_starts_with($line, 'HTTP/')) {
            // One before it was interim, or a proxy's.
            $this->headers = [];
        } elseif (str_contains($line, ':')) {
            [$name, $value] = explode(':', $line, 2);
            $this->headers[] = [strtolower(trim($name)), trim($value)];
        }
        return strlen($line);
    }

    public function write(CurlHandle $handle, #[\SensitiveParameter] string $bytes): int
    {
        $room = $this->most - strlen($this->body);
        $this->isTooLong = strlen($bytes) > $room;
        $this->body .= $this->isTooLong ? substr($bytes, 0, $room) : $bytes;
        return $this->isTooLong ? -1 : strlen($bytes);
    }

    /** It was broken off there. */
    public function isTooLong(): bool
    {
        return $this->isTooLong;
    }

    /** @return list<array{string, string}> */
    public function headers(): array
    {
        return $this->headers;
    }

    public function body(): string
    {
        return $this->body;
    }
}
