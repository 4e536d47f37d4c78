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
    private function __construct(public readonly string $folder, array $command, private readonly int $signal = SIGINT)
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
        proc_terminate($this->process, $this->signal);
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

    /** Workers of php-fpm; the path of their socket. `name`: others than the ones of another name. */
    public static function fpm(int $workers, string $name = 'fpm'): string
    {
        $folder = self::folder($name);
        if (!isset(self::$running[$name])) {
            $programs = (array) glob('/usr/sbin/php-fpm*');
            $ffi = self::needsFfi() ? 'php_admin_value[ffi.enable] = 1' : '';
            $user = (string) (posix_getpwuid(posix_geteuid())['name'] ?? 'nobody');
            file_put_contents("{$folder}/fpm.conf", <<<CONF
                [global]
                error_log = {$folder}/log
                daemonize = no
                process_control_timeout = 60
                [www]
                listen = {$folder}/socket
                listen.backlog = 511
                pm = static
                pm.max_children = {$workers}
                clear_env = no
                user = {$user}
                {$ffi}
                CONF);
            $asRoot = posix_geteuid() === 0 ? ['--allow-to-run-as-root'] : [];
            self::$running[$name] = new self($folder, [(string) end($programs), '-y', "{$folder}/fpm.conf", ...$asRoot]);
        }
        return self::awaited("{$folder}/socket");
    }

    /** Workers of Apache with mod_php that serve `root`; their address. */
    public static function apache(int $workers, string $root): string
    {
        $folder = self::folder('apache');
        $address = '127.0.0.1:' . self::freePort();
        $modules = '/usr/lib/apache2/modules';
        $php = (array) glob("{$modules}/libphp*.so");
        $module = (string) end($php);
        $ffi = self::needsFfi() ? 'php_admin_value ffi.enable 1' : '';
        file_put_contents("{$folder}/apache.conf", <<<CONF
            ServerRoot {$folder}
            ServerName localhost
            Listen {$address}
            PidFile {$folder}/pid
            ErrorLog {$folder}/log
            DefaultRuntimeDir {$folder}
            LoadModule mpm_prefork_module {$modules}/mod_mpm_prefork.so
            LoadModule authz_core_module {$modules}/mod_authz_core.so
            LoadModule php_module {$module}
            StartServers {$workers}
            MinSpareServers {$workers}
            ServerLimit {$workers}
            MaxRequestWorkers {$workers}
            DocumentRoot {$root}
            SetHandler application/x-httpd-php
            {$ffi}
            CONF);
        // It refuses to run as root, and must read what only root may.
        $as = posix_geteuid() !== 0 ? [] : [
            'setpriv', '--reuid=www-data', '--regid=www-data', '--clear-groups', '--inh-caps=+dac_override', '--ambient-caps=+dac_override',
        ];
        $as === [] || chown($folder, 'www-data');
        $run = [...$as, '/usr/sbin/apache2', '-D', 'FOREGROUND', '-f', "{$folder}/apache.conf"];
        self::$running['apache'] = new self($folder, $run, SIGTERM);
        self::until(static fn (): bool => @stream_socket_client("tcp://{$address}") !== false, RuntimeException::class);
        return $address;
    }

    /** Tells it to end once its requests have ended. */
    public static function quit(string $name): void
    {
        proc_terminate(self::$running[$name]->process, SIGQUIT);
    }

    /** Servers switch it off, unless they are told otherwise. */
    public static function needsFfi(): bool
    {
        return !extension_loaded('rekindle');
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

    public static function freePort(): int
    {
        $socket = stream_socket_server('tcp://127.0.0.1:0');
        $name = (string) stream_socket_get_name($socket ?: throw new RuntimeException('no port is free'), false);
        fclose($socket);
        return (int) substr($name, strrpos($name, ':') + 1);
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
