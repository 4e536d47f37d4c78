<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use RuntimeException;

/** `Workers/uploads.php`, one a test. It ends with its input. */
final class UploadServer
{
    public readonly string $url;
    /** @var resource */
    private $process;
    /** @var array<int, resource> */
    private array $pipes = [];

    public function __construct()
    {
        $process = proc_open([PHP_BINARY, __DIR__ . '/Workers/uploads.php'], [['pipe', 'r'], ['pipe', 'w']], $this->pipes);
        if ($process === false) {
            throw new RuntimeException('php does not start');
        }
        $this->process = $process;
        $this->url = trim((string) fgets($this->pipes[1]));
    }

    public function __destruct()
    {
        array_map(fclose(...), $this->pipes);
        proc_close($this->process);
    }
}
