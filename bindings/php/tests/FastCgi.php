<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use RuntimeException;

/** Asks php-fpm, as a web server does. */
final class FastCgi
{
    private const BEGIN = 1;
    private const PARAMS = 4;
    private const STDIN = 5;
    private const STDOUT = 6;

    /** @param resource $socket */
    private function __construct(private $socket)
    {
    }

    /** @param array<string, string> $query */
    public static function ask(string $path, string $script, array $query): self
    {
        $socket = stream_socket_client("unix://{$path}", timeout: 60);
        if ($socket === false) {
            throw new RuntimeException("php-fpm does not listen at {$path}");
        }
        stream_set_timeout($socket, 120);
        $params = '';
        $named = ['SCRIPT_FILENAME' => $script, 'REQUEST_METHOD' => 'GET', 'QUERY_STRING' => http_build_query($query)];
        foreach ($named as $name => $value) {
            $params .= pack('NN', strlen($name) | 1 << 31, strlen($value) | 1 << 31) . $name . $value;
        }
        fwrite($socket, self::record(self::BEGIN, pack('nCx5', 1, 0)) . self::record(self::PARAMS, $params)
            . self::record(self::PARAMS, '') . self::record(self::STDIN, ''));
        return new self($socket);
    }

    /** The body of its answer. */
    public function answer(): string
    {
        $all = (string) stream_get_contents($this->socket);
        fclose($this->socket);
        $output = '';
        while (strlen($all) >= 8) {
            $head = unpack('Cversion/Ctype/nid/nlength/Cpadding', $all);
            $output .= $head['type'] === self::STDOUT ? substr($all, 8, $head['length']) : '';
            $all = substr($all, 8 + $head['length'] + $head['padding']);
        }
        return explode("\r\n\r\n", $output, 2)[1] ?? $output;
    }

    public function hangUp(): void
    {
        fclose($this->socket);
    }

    private static function record(int $type, string $content): string
    {
        return pack('CCnnCx', 1, $type, 1, strlen($content), 0) . $content;
    }
}
