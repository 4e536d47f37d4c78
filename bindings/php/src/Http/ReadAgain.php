<?php

declare(strict_types=1);

namespace Rekindle\Http;

use Psr\Http\Message\StreamInterface;
use RuntimeException;

/**
 * A body whose beginning has been read already.
 *
 * @internal
 */
final class ReadAgain implements StreamInterface
{
    private int $at = 0;
    private bool $isClosed = false;

    public function __construct(
        private readonly string $beginning,
        private readonly StreamInterface $rest,
        private readonly ?RuntimeException $failure,
    ) {
    }

    public function read($length): string
    {
        if ($this->isClosed) {
            throw new RuntimeException('this body was closed: read it before');
        }
        if ($this->at < strlen($this->beginning)) {
            $piece = substr($this->beginning, $this->at, $length);
            $this->at += strlen($piece);
            return $piece;
        }
        if ($this->failure !== null) {
            throw $this->failure;
        }
        $piece = $this->rest->read($length);
        $this->at += strlen($piece);
        return $piece;
    }

    public function getContents(): string
    {
        if ($this->isClosed) {
            throw new RuntimeException('this body was closed: read it before');
        }
        $all = '';
        while (!$this->eof()) {
            $all .= $this->read(65_536);
        }
        return $all;
    }

    public function __toString(): string
    {
        if ($this->isSeekable()) {
            $this->rewind();
        } elseif ($this->at > 0 && $this->eof()) {
            throw new RuntimeException('this body was read already, and comes once: keep what it gave');
        }
        return $this->getContents();
    }

    public function eof(): bool
    {
        return $this->at >= strlen($this->beginning) && $this->failure === null && $this->rest->eof();
    }

    public function tell(): int
    {
        return $this->at;
    }

    public function close(): void
    {
        $this->isClosed = true;
        $this->rest->close();
    }

    public function detach()
    {
        $this->close();
        return null;
    }

    public function getSize(): ?int
    {
        return $this->isSeekable() ? strlen($this->beginning) : $this->rest->getSize();
    }

    /** Known if the whole body has been read. */
    public function isSeekable(): bool
    {
        return !$this->isClosed && $this->failure === null && $this->at <= strlen($this->beginning) && $this->rest->eof();
    }

    public function seek($offset, $whence = SEEK_SET): void
    {
        $length = strlen($this->beginning);
        $to = $offset + match ($whence) {
            SEEK_CUR => $this->at,
            SEEK_END => $length,
            default => 0,
        };
        if (!$this->isSeekable() || $to < 0 || $to > $length) {
            throw new RuntimeException('this body comes from the network: it is read once');
        }
        $this->at = $to;
    }

    public function rewind(): void
    {
        $this->seek(0);
    }

    public function isWritable(): bool
    {
        return false;
    }

    public function write($string): int
    {
        throw new RuntimeException('this body is only read');
    }

    public function isReadable(): bool
    {
        return true;
    }

    public function getMetadata($key = null)
    {
        return $this->rest->getMetadata($key);
    }
}
