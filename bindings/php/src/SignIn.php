<?php

declare(strict_types=1);

namespace Rekindle;

use Closure;
use Rekindle\Exception\InvalidConfig;
use Rekindle\Exception\Misuse;
use Rekindle\Store\FileStore;
use Rekindle\Store\Store;

/**
 * A session that is signed in, from a client id, for scripts. A store that holds a sign-in already is used, and nobody is asked. When
 * the session can't be kept alive any more, the user is asked again in the same way.
 *
 * In a web application take `WebSignIn`.
 */
final class SignIn
{
    /**
     * Signs in at a server, in a browser of this machine, or, with `device`, on another one.
     *
     *     $session = SignIn::at('https://accounts.example.com', clientId: 'app', scope: 'openid', origins: ['https://api.example.com']);
     *
     * @param string|array<string, mixed> $server a preset's name, an issuer (`https://..`), or what `Session::discover` gave
     * @param (callable(string): mixed)|null $open shows the address to the user; null: the system's browser is opened
     * @param (callable(DeviceCode): mixed)|null $device tells the user where to go and what to enter, on another device
     * @param mixed ...$options by name, those of `SignInOptions` and of `Session`: `scope`, `redirectUri`, `origins`, `store`, ..
     */
    public static function at(
        string|array $server,
        string $clientId,
        ?callable $open = null,
        ?callable $device = null,
        mixed ...$options,
    ): Session {
        [$asked, $own] = self::sorted($options);
        $own += self::server($server, $own['curlOptions'] ?? []) + ['clientId' => $clientId];
        $again = self::way($asked, $open, $device);
        $session = new Session(...$own + ['login' => $again]);
        if ($session->status(fresh: true)->standing !== 'active') {
            $again($session);
        }
        return $session;
    }

    /**
     * Signs in for an API of which nothing but the address is known, an MCP server for example: finds the server that signs users in for it
     * (RFC 9728), and registers this program there (RFC 7591), unless there is a `clientId`.
     *
     *     $session = SignIn::to('https://mcp.example.com/mcp', clientName: 'notes');
     *
     * Another registration is another client, whose tokens an earlier one can't refresh: with a store that outlives the process, register
     * once, with `Session::register`, and keep what it gives.
     *
     * @param string $clientName what users are asked to let in
     * @param (callable(string): mixed)|null $open as with `at`
     * @param (callable(DeviceCode): mixed)|null $device as with `at`
     * @param mixed ...$options by name, as with `at`
     */
    public static function to(
        string $api,
        string $clientName,
        ?string $clientId = null,
        ?callable $open = null,
        ?callable $device = null,
        mixed ...$options,
    ): Session {
        $curl = $options['curlOptions'] ?? [];
        $found = Session::discoverApi($api, $curl);
        $server = Session::discover($found['issuer'], $curl);
        $client = ['clientId' => $clientId];
        if ($clientId === null) {
            self::checkKept($options['store'] ?? null);
            $redirectUri = $options['redirectUri'] ?? null;
            $client = Session::register($server, $clientName, $redirectUri, device: $device !== null, curlOptions: $curl);
        }
        $scopes = $found['scopes_supported'] ?? [];
        $options += ['resource' => $found['resource'], 'scope' => $scopes === [] ? null : implode(' ', $scopes)];
        $options['origins'] = [self::originOf($found['resource']), ...($options['origins'] ?? [])];
        return self::at(...['server' => $server, 'open' => $open, 'device' => $device] + $client + $options);
    }

    /**
     * What is asked of the server, and what is the session's.
     *
     * @param array<array-key, mixed> $options
     * @return array{SignInOptions, array<string, mixed>}
     */
    private static function sorted(array $options): array
    {
        if (array_is_list($options) && $options !== []) {
            throw new Misuse('options are given by name: scope: \'openid\', origins: [..]');
        }
        $asked = get_class_vars(SignInOptions::class);
        return [new SignInOptions(...array_intersect_key($options, $asked)), array_diff_key($options, $asked)];
    }

    /**
     * @param string|array<string, mixed> $server
     * @param array<int, mixed> $curlOptions
     * @return array<string, mixed>
     */
    private static function server(string|array $server, array $curlOptions): array
    {
        return match (true) {
            is_array($server) => ['server' => $server],
            preg_match('/^https?:/i', $server) === 1 => ['server' => Session::discover($server, $curlOptions)],
            default => ['dialect' => $server],
        };
    }

    /** @return Closure(Session): void */
    private static function way(SignInOptions $asked, ?callable $open, ?callable $device): Closure
    {
        return static function (Session $session) use ($asked, $open, $device): void {
            $device === null ? $session->signInWithBrowser($asked, $open) : $session->signInWithDevice($device, $asked);
        };
    }

    private static function checkKept(mixed $store): void
    {
        if ($store instanceof FileStore || ($store instanceof Store && $store->isShared())) {
            throw new InvalidConfig(
                'the store outlives this registration, and the next process would be another client: call Session::register once, keep '
                    . 'what it gives, and give clientId',
                argument: 'clientId',
            );
        }
    }

    private static function originOf(string $url): string
    {
        $parts = parse_url($url);
        return ($parts['scheme'] ?? '') . '://' . ($parts['host'] ?? '') . (isset($parts['port']) ? ":{$parts['port']}" : '');
    }
}
