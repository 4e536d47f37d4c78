<?php

declare(strict_types=1);

namespace Rekindle;

use Closure;
use Rekindle\Exception\Misuse;

/**
 * Signs in from a client ID, for scripts. If the store already holds a sign-in, it is used, and the user is not asked. When the session
 * can't be kept alive any more, the user signs in again in the same way.
 *
 * In a web application, use `WebSignIn`.
 */
final class SignIn
{
    /**
     * Signs in at a server, with a browser on this machine or, with `device`, on another device, and returns the session.
     *
     *     $session = SignIn::at('https://accounts.example.com', clientId: 'app', scope: 'openid', origins: ['https://api.example.com']);
     *
     * @param string|array<string, mixed> $server a preset's name, an issuer (`https://..`), or the result of `Session::discover`
     * @param (callable(string): mixed)|null $open shows the URL to the user; null: opens the system's browser
     * @param (callable(DeviceCode): mixed)|null $device shows the user where to go and what to enter, on another device
     * @param mixed ...$options named arguments of `SignInOptions` and `Session`: `scope`, `redirectUri`, `origins`, `store`, ..
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
        if ($session->status(fresh: true)->needsSignIn) {
            $again($session);
        }
        return $session;
    }

    /**
     * Signs in for an API of which only the address is known, such as an MCP server: finds the server that signs users in for it
     * (RFC 9728), and registers this program there (RFC 7591), unless `clientId` is given.
     *
     *     $session = SignIn::to('https://mcp.example.com/mcp', clientName: 'notes', store: new FileStore('mcp.json'));
     *
     * The registration is kept in the `store`, beside the sign-in, and used again by the next process.
     *
     * @param string $clientName the program's name, which the server shows to users
     * @param (callable(string): mixed)|null $open as with `at`
     * @param (callable(DeviceCode): mixed)|null $device as with `at`
     * @param mixed ...$options named arguments, as with `at`
     */
    public static function to(
        string $api,
        string $clientName,
        ?string $clientId = null,
        ?callable $open = null,
        ?callable $device = null,
        mixed ...$options,
    ): Session {
        $asked = [
            'resource' => $api,
            'name' => $clientName,
            'redirect_uri' => $options['redirectUri'] ?? null,
            'scope' => $options['scope'] ?? null,
            'client_id' => $clientId,
            'device' => $device !== null,
        ];
        $found = Session::findApi($asked, $options['store'] ?? null, $options['curlOptions'] ?? []);
        $client = ['clientSecret' => $found['client_secret'], 'clientAuth' => $found['client_auth']];
        $options['scope'] = $found['scope'];
        $options['origins'] = [$found['origin'], ...($options['origins'] ?? [])];
        $options += ['resource' => $found['resource']] + array_filter($client, static fn (?string $value): bool => $value !== null);
        return self::at($found['server'], $found['client_id'], $open, $device, ...$options);
    }

    /**
     * Separates the options of the sign-in from those of the session.
     *
     * @param array<array-key, mixed> $options
     * @return array{SignInOptions, array<string, mixed>}
     */
    private static function sorted(array $options): array
    {
        if (array_is_list($options) && $options !== []) {
            throw new Misuse('options are named arguments: scope: \'openid\', origins: [..]');
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
}
