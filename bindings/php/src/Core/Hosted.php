<?php

declare(strict_types=1);

namespace Rekindle\Core;

use Closure;
use Rekindle\Event;
use Rekindle\Exception\Misuse;
use Rekindle\Exception\NotSent;
use Rekindle\Exception\RekindleException;
use Rekindle\Exception\RefreshTokenDead;
use Rekindle\RefreshInput;
use Rekindle\SigningKey;
use Rekindle\Store\Store;
use Rekindle\Tokens;
use Throwable;

/**
 * What the driver needs of a session. It holds this and not the Session, so that a session can be garbage-collected.
 *
 * @internal
 */
final class Hosted
{
    /** A login handler must not make these calls: it would wait for itself. */
    private const TOKENS = ['token', 'refresh', 'force_refresh', 'begin'];

    /** Its store or refresh function is running. */
    private bool $isInside = false;
    /** Its login handler is running. */
    private bool $isSigningIn = false;
    /** @var list<Closure(Event): void> */
    private array $listeners = [];

    /**
     * @param array<string, mixed> $settings as the core reads them
     * @param (Closure(RefreshInput): Tokens)|null $refresh
     * @param array<int, mixed> $curlOptions for its token requests
     * @param (Closure(): void)|null $login signs in again
     * @param list<SigningKey> $keys
     */
    public function __construct(
        #[\SensitiveParameter]
        private readonly array $settings,
        private readonly ?Store $store,
        private readonly ?Closure $refresh,
        #[\SensitiveParameter]
        public readonly array $curlOptions = [],
        private readonly ?Closure $login = null,
        public readonly array $keys = [],
    ) {
    }

    /** @return array<string, mixed> */
    public function settings(): array
    {
        return $this->settings;
    }

    /** Throws if the call comes from a function that the session itself is waiting for. */
    public function checkOutside(string $asked): void
    {
        if ($this->isSigningIn && in_array($asked, self::TOKENS, true)) {
            throw new Misuse(
                'the login handler asked the session that it signs in for a token: it would wait for itself; sign in first, and use a '
                    . 'plain HTTP client there'
            );
        }
        if ($this->isInside) {
            throw new Misuse(
                'a store or refresh function called the session that it serves: it would wait for itself; use a plain HTTP client there'
            );
        }
    }

    public function listen(Closure $listener): void
    {
        $this->listeners[] = $listener;
    }

    /** @param array<string, mixed> $effect */
    public function hear(array $effect): void
    {
        foreach ($this->listeners as $listener) {
            try {
                $listener(Event::of($effect));
            } catch (Throwable $error) {
                // Only its class: its message may contain anything.
                trigger_error('rekindle: a listener threw ' . $error::class, E_USER_WARNING);
            }
        }
    }

    /**
     * Carries out an effect with the store, the refresh function or the login handler, and returns its result.
     *
     * @param array<string, mixed> $asked
     * @return array<string, mixed>
     */
    public function serve(#[\SensitiveParameter] array $asked): array
    {
        if ($asked['effect'] === 'login') {
            return $this->callLogin();
        }
        $this->isInside = true;
        try {
            return $asked['effect'] === 'refresh' ? $this->callRefresh($asked) : StoreCalls::ask($this->store, $asked);
        } finally {
            $this->isInside = false;
        }
    }

    /** @return array<string, mixed> */
    private function callLogin(): array
    {
        if ($this->login === null) {
            return ['error' => 'there is no login handler'];
        }
        $this->isSigningIn = true;
        try {
            ($this->login)();
            return [];
        } catch (RekindleException $error) {
            return ['error' => $error->getMessage(), 'kind' => $error->kind, 'thrown' => Thrown::keep($error)];
        } catch (Throwable $error) {
            // Only its class: its message may contain a token.
            $message = 'the login handler threw ' . $error::class . ': nobody is signed in';
            return ['error' => $message, 'thrown' => Thrown::keep($error)];
        } finally {
            $this->isSigningIn = false;
        }
    }

    /**
     * @param array<string, mixed> $asked
     * @return array<string, mixed>
     */
    private function callRefresh(#[\SensitiveParameter] array $asked): array
    {
        if ($this->refresh === null) {
            return ['error' => 'not_sent', 'message' => 'there is no refresh function'];
        }
        try {
            $tokens = ($this->refresh)(new RefreshInput($asked['refresh_token'] ?? null, $asked['scope'] ?? null, $asked['extra'] ?? []));
            if (!$tokens instanceof Tokens) {
                $given = get_debug_type($tokens);
                return ['error' => 'maybe_sent', 'message' => "the refresh function returned {$given}: return a Rekindle\\Tokens"];
            }
            return ['tokens' => Json::object($tokens->toCore())];
        } catch (RefreshTokenDead) {
            return ['error' => 'login_required'];
        } catch (NotSent $error) {
            return ['error' => 'not_sent', 'message' => Redact::text($error->getMessage()), 'thrown' => Thrown::keep($error)];
        } catch (Throwable $error) {
            // Only its class: its message may contain a token.
            return ['error' => 'maybe_sent', 'message' => 'the refresh function threw ' . $error::class, 'thrown' => Thrown::keep($error)];
        }
    }
}
