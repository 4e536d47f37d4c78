<?php

declare(strict_types=1);

namespace Rekindle\SignIn;

use Closure;
use Rekindle\BegunSignIn;
use Rekindle\Core\CurlOptions;
use Rekindle\Core\Driver;
use Rekindle\Core\Hosted;
use Rekindle\DeviceCode;
use Rekindle\SignInOptions;
use Rekindle\Store\FileStore;
use Rekindle\Store\Store;

/**
 * The methods of a session that sign in.
 *
 * @internal
 */
trait SignsIn
{
    /**
     * Fetches a server's metadata by its issuer (RFC 8414, OpenID Connect Discovery), for `server:` of a session. It can be cached.
     *
     * @param array<int, mixed> $curlOptions for the request: a proxy, a CA file
     * @return array<string, mixed>
     */
    public static function discover(string $issuer, #[\SensitiveParameter] array $curlOptions = []): array
    {
        return self::ask(['do' => 'discover', 'issuer' => $issuer], $curlOptions);
    }

    /**
     * Finds the server that signs users in for an API, by the API's address (RFC 9728).
     *
     * @param array<int, mixed> $curlOptions for the requests
     * @return array{issuer: string, resource: string, scopes_supported?: list<string>}
     */
    public static function discoverApi(string $api, #[\SensitiveParameter] array $curlOptions = []): array
    {
        return self::ask(['do' => 'discover_resource', 'resource' => $api], $curlOptions);
    }

    /**
     * Registers this program at a server that allows anyone to register (RFC 7591). Pass the result to the parameters of a session with
     * these names, and keep it: each registration creates another client.
     *
     * @param array<string, mixed> $server the result of `discover`
     * @param string $name the program's name, which the server shows to users
     * @param string|null $redirectUri where the browser returns to; null: loopback, on any port
     * @param bool $device whether users sign in on another device (the device flow)
     * @param array<int, mixed> $curlOptions for the request
     * @return array{clientId: string, clientSecret?: string, clientAuth?: string}
     */
    public static function register(
        array $server,
        string $name,
        ?string $redirectUri = null,
        ?string $scope = null,
        bool $device = false,
        #[\SensitiveParameter]
        array $curlOptions = [],
    ): array {
        $client = ['name' => $name, 'redirect_uri' => $redirectUri, 'scope' => $scope, 'device' => $device];
        $told = self::ask(['do' => 'register', 'server' => $server, 'client' => $client], $curlOptions);
        $named = ['clientId' => $told['client_id'], 'clientSecret' => $told['client_secret'], 'clientAuth' => $told['client_auth']];
        return array_filter($named, static fn (?string $value): bool => $value !== null);
    }

    /**
     * Begins a sign-in with an authorization code and PKCE, in a browser that returns to `redirectUri`. In a web application, `WebSignIn`
     * keeps the pending sign-in.
     */
    public function beginSignIn(SignInOptions $options = new SignInOptions()): BegunSignIn
    {
        return new BegunSignIn($this->call(['do' => 'begin_sign_in', 'asked' => $options->toCore()]));
    }

    /**
     * Completes a sign-in that `beginSignIn` began, in any process; the session then holds the tokens. `callback` is the address that the
     * browser returned to. Returns `returnTo`.
     */
    public function finishSignIn(#[\SensitiveParameter] string $pending, #[\SensitiveParameter] string $callback): ?string
    {
        return $this->call(['do' => 'finish_sign_in', 'pending' => $pending, 'callback' => $callback])['return_to'] ?? null;
    }

    /**
     * Signs in with a browser on this machine, which returns to a port on loopback: for scripts.
     *
     * @param (callable(string): mixed)|null $open shows the URL to the user, and returns; null: opens the system's browser
     * @param float|null $timeout how many seconds the user may take; null: 300
     */
    public function signInWithBrowser(
        SignInOptions $options = new SignInOptions(),
        ?callable $open = null,
        ?float $timeout = null,
    ): void {
        $place = $this->call(['do' => 'loopback', 'asked' => $options->toCore()]);
        $receiver = new Loopback($place['host'], $place['port']);
        try {
            $redirectUri = $receiver->address . $place['path'];
            $begun = $this->beginSignIn($options->withRedirectUri($redirectUri));
            $open === null ? Browser::open($begun->url) : $open($begun->url);
            $answer = ['do' => 'callback_received', 'pending' => $begun->pending(), 'redirect_uri' => $redirectUri];
            $judge = fn (string $head): array => $this->call($answer + ['head' => $head]);
            $callback = $receiver->receive($judge, $timeout ?? $place['timeout_ms'] / 1000);
        } finally {
            $receiver->close();
        }
        $this->finishSignIn($begun->pending(), $callback);
    }

    /**
     * Lets the user sign in on another device (RFC 8628), and returns once that is done.
     *
     * @param callable(DeviceCode): mixed $show shows where to go and what to enter; an exception ends the sign-in
     */
    public function signInWithDevice(callable $show, SignInOptions $options = new SignInOptions()): void
    {
        $this->call(['do' => 'sign_in_with_device', 'asked' => $options->toCore()], Closure::fromCallable($show));
    }

    /** Signs in with a user's name and password. The dialect must have a section for them. */
    public function signInWithPassword(
        string $username,
        #[\SensitiveParameter]
        string $password,
        ?string $scope = null,
    ): void {
        $this->signInByGrant('password', ['username' => $username, 'password' => $password, 'scope' => $scope]);
    }

    /**
     * Signs in by exchanging another token (RFC 8693).
     *
     * @param list<string>|null $resource
     */
    public function signInByTokenExchange(
        #[\SensitiveParameter]
        string $subjectToken,
        string $subjectTokenType = 'urn:ietf:params:oauth:token-type:access_token',
        ?string $audience = null,
        ?array $resource = null,
        ?string $scope = null,
    ): void {
        $given = ['audience' => $audience, 'resource' => $resource, 'scope' => $scope];
        $this->signInByGrant('token_exchange', ['subject_token' => $subjectToken, 'subject_token_type' => $subjectTokenType] + $given);
    }

    /** Signs in with a JWT that represents the user (RFC 7523). */
    public function signInByAssertion(#[\SensitiveParameter] string $assertion, ?string $scope = null): void
    {
        $this->signInByGrant('jwt_bearer', ['assertion' => $assertion, 'scope' => $scope]);
    }

    /**
     * @internal
     * @param array<string, mixed> $asked
     * @param array<int, mixed> $curlOptions
     * @return array<string, mixed>
     */
    public static function findApi(array $asked, Store|FileStore|null $store, #[\SensitiveParameter] array $curlOptions): array
    {
        $kept = $store === null ? [] : ['store' => self::storeSettings($store)];
        return self::ask(['do' => 'find_api', 'asked' => $asked] + $kept, $curlOptions, $store instanceof FileStore ? null : $store);
    }

    /**
     * @param array<string, mixed> $message
     * @param array<int, mixed> $curlOptions
     */
    private static function ask(array $message, #[\SensitiveParameter] array $curlOptions, ?Store $store = null): array
    {
        CurlOptions::check($curlOptions);
        return Driver::shared()->callFor(new Hosted([], $store, null, $curlOptions), $message);
    }

    /** @param array<string, mixed> $with */
    private function signInByGrant(string $type, #[\SensitiveParameter] array $with): void
    {
        $with = array_filter($with, static fn (mixed $value): bool => $value !== null);
        $this->call(['do' => 'sign_in_by_grant', 'grant' => ['grant_type' => $type] + $with]);
    }
}
