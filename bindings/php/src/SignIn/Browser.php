<?php

declare(strict_types=1);

namespace Rekindle\SignIn;

use Rekindle\Exception\System;

/**
 * Opens the browser that $BROWSER names, else the system's. The URL is not passed through a shell.
 *
 * @internal
 */
final class Browser
{
    /** @var resource|null it is not waited for: PHP waits where a process is collected */
    private static $opened = null;

    public static function open(string $url): void
    {
        foreach (self::commands() as $command) {
            // The browser's output does not belong in the script's.
            $nowhere = ['file', PHP_OS_FAMILY === 'Windows' ? 'NUL' : '/dev/null', 'r+'];
            $process = self::isThere($command[0]) ? @proc_open([...$command, $url], [$nowhere, $nowhere, $nowhere], $pipes) : false;
            if ($process !== false) {
                self::$opened = $process;
                return;
            }
        }
        throw new System(
            'no browser could be opened on this machine: give `open`, which shows the address to the user, or sign in with a device code'
        );
    }

    /** @return list<list<string>> */
    private static function commands(): array
    {
        $chosen = array_filter(explode(PATH_SEPARATOR, (string) getenv('BROWSER')), static fn (string $name): bool => $name !== '');
        $commands = array_map(static fn (string $name): array => [$name], array_values($chosen));
        return [...$commands, ...match (PHP_OS_FAMILY) {
            'Darwin' => [['open']],
            'Windows' => [['rundll32', 'url.dll,FileProtocolHandler']],
            default => [['xdg-open'], ['wslview']],
        }];
    }

    /** `proc_open` may not report a missing program. */
    private static function isThere(string $name): bool
    {
        if (PHP_OS_FAMILY === 'Windows' || str_contains($name, '/')) {
            return PHP_OS_FAMILY === 'Windows' || is_executable($name);
        }
        foreach (explode(':', (string) getenv('PATH')) as $folder) {
            if (is_executable("{$folder}/{$name}")) {
                return true;
            }
        }
        return false;
    }
}
