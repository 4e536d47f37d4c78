<?php

declare(strict_types=1);

namespace Rekindle\SignIn;

use Rekindle\Exception\System;
use Rekindle\Exception\Timeout;

/**
 * The port on loopback that a browser on this machine returns to.
 *
 * @internal
 */
final class Loopback
{
    private const LONGEST_HEAD = 32 << 10;
    /** In seconds: a connection that sends nothing for this long is not the browser's. */
    private const SILENCE = 10.0;
    /** Other programs on this machine must not be able to block the browser. */
    private const MOST_CONNECTIONS = 64;

    /** `http://HOST:PORT` */
    public readonly string $address;
    /** @var list<resource> */
    private array $listeners = [];
    /** @var array<int, array{resource, string, float}> each with what it said, and until when it may */
    private array $connections = [];

    public function __construct(string $host, int $port)
    {
        // A browser may use either address family of localhost; a port that is free in one may be in use in the other.
        $addresses = $host === 'localhost' ? ['127.0.0.1', '[::1]'] : [$host];
        for ($tries = $port === 0 ? 8 : 1; $tries > 0; $tries--) {
            $opened = $this->listen($addresses, $port);
            if ($opened !== null) {
                $this->address = "http://{$host}:{$opened}";
                return;
            }
        }
        throw new System(
            "port {$port} on loopback can't be opened: end the program that has it, take a redirect URI with a free port, or sign in with "
                . 'a device code',
            argument: 'redirectUri',
        );
    }

    /**
     * Answers requests until the browser's arrives.
     *
     * @param callable(string): array{response: string, callback: ?string} $judge of a request's head
     * @return string the address that the browser returned to
     */
    public function receive(callable $judge, float $seconds): string
    {
        $end = self::now() + $seconds;
        while (self::now() < $end) {
            foreach ($this->heads($end) as [$connection, $head]) {
                $answer = $judge($head);
                stream_set_blocking($connection, true);
                stream_set_timeout($connection, (int) self::SILENCE);
                @fwrite($connection, $answer['response']);
                fclose($connection);
                if ($answer['callback'] !== null) {
                    return $answer['callback'];
                }
            }
        }
        throw new Timeout(sprintf('the browser did not return within %g s: start the sign-in again', $seconds));
    }

    public function close(): void
    {
        $open = [...$this->listeners, ...array_column($this->connections, 0)];
        array_map(static fn ($one): bool => is_resource($one) && fclose($one), $open);
        $this->listeners = $this->connections = [];
    }

    /**
     * @param list<string> $addresses
     * @return int|null the port; null: it is in use
     */
    private function listen(array $addresses, int $port): ?int
    {
        $options = stream_context_create(['socket' => ['backlog' => self::MOST_CONNECTIONS, 'ipv6_v6only' => true]]);
        foreach ($addresses as $address) {
            $how = STREAM_SERVER_BIND | STREAM_SERVER_LISTEN;
            $listener = @stream_socket_server("tcp://{$address}:{$port}", $code, $text, $how, $options);
            if ($listener === false) {
                // Some machines have only one address family. A port that is in use is another program's.
                if ($this->listeners !== [] && self::isMissing($address)) {
                    continue;
                }
                $this->close();
                return null;
            }
            stream_set_blocking($listener, false);
            $this->listeners[] = $listener;
            $name = (string) stream_socket_get_name($listener, false);
            $port = (int) substr($name, (int) strrpos($name, ':') + 1);
        }
        return $port;
    }

    /** Whether the error says that this machine has no such address. */
    private static function isMissing(string $address): bool
    {
        $listener = @stream_socket_server("tcp://{$address}:0");
        return $listener === false || !fclose($listener);
    }

    /**
     * Waits until data arrives.
     *
     * @return list<array{resource, string}> requests whose heads are complete
     */
    private function heads(float $end): array
    {
        foreach ($this->connections as [, , $until]) {
            $end = min($end, $until);
        }
        $readable = [...$this->listeners, ...array_column($this->connections, 0)];
        $none = null;
        $left = max(0.0, $end - self::now());
        // A signal ends the wait early, with a warning.
        @stream_select($readable, $none, $none, (int) $left, (int) (1e6 * fmod($left, 1.0)));
        foreach ($this->listeners as $listener) {
            $this->accept($listener);
        }
        return $this->read();
    }

    /** @param resource $listener */
    private function accept($listener): void
    {
        while (($connection = @stream_socket_accept($listener, 0)) !== false) {
            if (count($this->connections) >= self::MOST_CONNECTIONS) {
                fclose($connection);
                continue;
            }
            stream_set_blocking($connection, false);
            $this->connections[(int) $connection] = [$connection, '', self::now() + self::SILENCE];
        }
    }

    /** @return list<array{resource, string}> */
    private function read(): array
    {
        $whole = [];
        foreach ($this->connections as $number => [$connection, $said, $until]) {
            $said .= (string) @fread($connection, 8192);
            $end = strpos($said, "\r\n\r\n");
            if ($end !== false) {
                unset($this->connections[$number]);
                // A browser sends only such requests.
                $whole[] = [$connection, (string) preg_replace('/[^\x00-\x7f]/', '?', substr($said, 0, $end + 4))];
            } elseif (strlen($said) > self::LONGEST_HEAD || feof($connection) || self::now() >= $until) {
                unset($this->connections[$number]);
                fclose($connection);
            } else {
                $this->connections[$number][1] = $said;
            }
        }
        return $whole;
    }

    private static function now(): float
    {
        return hrtime(true) / 1e9;
    }
}
