<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PDO;
use PDOException;
use RuntimeException;

/** Real servers, each with a folder of its own, that end with the tests. */
final class Servers
{
    /** @var array<string, self> */
    private static array $running = [];
    /** @var list<resource> */
    private array $pipes = [];
    /** @var resource */
    private $process;

    /** @param list<string> $command */
    private function __construct(public readonly string $folder, array $command)
    {
        $log = ['file', "{$folder}/log", 'a'];
        $process = proc_open($command, [['pipe', 'r'], $log, $log], $this->pipes, $folder);
        if ($process === false) {
            throw new RuntimeException("{$command[0]} does not start");
        }
        $this->process = $process;
    }

    public function __destruct()
    {
        proc_terminate($this->process, SIGINT);
        proc_close($this->process);
        exec('rm -rf ' . escapeshellarg($this->folder));
    }

    public static function redis(): string
    {
        $folder = self::folder('redis');
        self::$running['redis'] ??= new self($folder, ['redis-server', '--port', '0', '--unixsocket', "{$folder}/redis", '--save', '']);
        return self::awaited("{$folder}/redis");
    }

    /** The DSN. */
    public static function postgres(): string
    {
        $folder = self::folder('postgres');
        if (!isset(self::$running['postgres'])) {
            // It refuses to run as root.
            $as = posix_geteuid() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : [];
            $as === [] || chown($folder, 'postgres');
            $programs = (array) glob('/usr/lib/postgresql/*/bin');
            $bin = (string) end($programs);
            $make = [...$as, "{$bin}/initdb", '-D', "{$folder}/data", '-U', 'rekindle', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
            exec(implode(' ', array_map(escapeshellarg(...), $make)) . ' 2>&1', $said, $failed);
            $failed === 0 || throw new RuntimeException(implode("\n", $said));
            $run = [...$as, "{$bin}/postgres", '-D', "{$folder}/data", '-k', $folder, '-c', 'listen_addresses='];
            self::$running['postgres'] = new self($folder, $run);
        }
        self::awaited("{$folder}/.s.PGSQL.5432");
        $dsn = "pgsql:host={$folder};dbname=postgres;user=rekindle";
        // It listens before it answers.
        self::until(static fn (): bool => (bool) new PDO($dsn), PDOException::class);
        return $dsn;
    }

    /** Workers of php-fpm; the path of its socket. */
    public static function fpm(int $workers): string
    {
        $folder = self::folder('fpm');
        if (!isset(self::$running['fpm'])) {
            $programs = (array) glob('/usr/sbin/php-fpm*');
            $user = (string) (posix_getpwuid(posix_geteuid())['name'] ?? 'nobody');
            file_put_contents("{$folder}/fpm.conf", <<<CONF
                [global]
                error_log = {$folder}/log
                daemonize = no
                [www]
                listen = {$folder}/socket
                listen.backlog = 511
                pm = static
                pm.max_children = {$workers}
                clear_env = no
                user = {$user}
                php_admin_value[ffi.enable] = 1
                CONF);
            $asRoot = posix_geteuid() === 0 ? ['--allow-to-run-as-root'] : [];
            self::$running['fpm'] = new self($folder, [(string) end($programs), '-y', "{$folder}/fpm.conf", ...$asRoot]);
        }
        return self::awaited("{$folder}/socket");
    }

    public static function stop(): void
    {
        self::$running = [];
    }

    public static function folder(string $name): string
    {
        $folder = sys_get_temp_dir() . '/rekindle-' . getmypid() . "-{$name}";
        is_dir($folder) || mkdir($folder, 0o700);
        return $folder;
    }

    private static function awaited(string $socket): string
    {
        self::until(static function () use ($socket): bool {
            $connection = @stream_socket_client("unix://{$socket}");
            return $connection !== false && fclose($connection);
        }, RuntimeException::class);
        return $socket;
    }

    /**
     * @param callable(): bool $isSo
     * @param class-string<\Throwable> $failure
     */
    public static function until(callable $isSo, string $failure): void
    {
        for ($until = microtime(true) + 60; microtime(true) < $until; usleep(10_000)) {
            try {
                if ($isSo()) {
                    return;
                }
            } catch (\Throwable $error) {
                $error instanceof $failure || throw $error;
            }
        }
        throw new RuntimeException('it did not come about within a minute');
    }
}
