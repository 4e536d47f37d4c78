<?php

declare(strict_types=1);

namespace Rekindle\Core;

use CurlHandle;

/**
 * The headers and the body that curl receives.
 *
 * @internal
 */
final class ReceivedAnswer
{
    /** @var list<array{string, string}> */
    private array $headers = [];
    private string $body = '';
    private bool $isTooLong = false;

    /** `most`: how many bytes of the body are kept, after decompression. */
    public function __construct(private readonly int $most)
    {
    }

    public function header(CurlHandle $handle, string $line): int
    {
        if (str_starts_with($line, 'HTTP/')) {
            // An earlier one was interim (1xx), or a proxy's.
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

    /** Whether the body was longer, and receiving it was aborted. */
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
