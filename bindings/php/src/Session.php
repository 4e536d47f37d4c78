<?php

declare(strict_types=1);

namespace Rekindle;

use Closure;
use JsonSerializable;
use Psr\Http\Client\ClientInterface;
use Rekindle\Core\CurlOptions;
use Rekindle\Core\Driver;
use Rekindle\Core\Hosted;
use Rekindle\Core\Json;
use Rekindle\Exception\Misuse;
use Rekindle\Http\SignedClient;
use Rekindle\Http\Signing;
use Rekindle\SignIn\SignsIn;
use Rekindle\Store\FileStore;
use Rekindle\Store\MemoryStore;
use Rekindle\Store\Store;
use WeakReference;

/**
 * Keeps one sign-in alive. Several processes can share it through a store.
 *
 *     $session = new Session(tokenUrl: $tokenUrl, clientId: 'app', tokens: new Tokens($access, $refresh), origins: [$api]);
 *     $response = $session->client(new GuzzleHttp\Client())->sendRequest($request);
 */
final class Session implements JsonSerializable
{
    use Redacted;
    use SignsIn;

    /** Identifies `token` to the core; 0: none was read yet. */
    private int $tag = 0;
    private ?Token $token = null;
    /** @var array<string, int> the tag of the token that an origin accepted, by origin */
    private array $accepted = [];

    /**
     * @param string|array<string, mixed> $dialect a preset's name, or a custom dialect: the members of its TOML form
     * @param string|null $tokenUrl the token endpoint, if the dialect does not define it
     * @param list<string> $origins the only origins that receive the token
     * @param list<string> $insecureOrigins may receive the token without https; loopback need not be listed
     * @param Store|FileStore|null $store where the tokens are kept; null: in this process
     * @param (callable(RefreshInput): Tokens)|null $refresh a custom function that obtains new tokens
     * @param array<string, string> $variables values for the dialect's placeholders, such as a tenant or an instance
     * @param string|null $rotation how the server rotates refresh tokens, where the dialect is wrong: `none`, `strict`, `grace:30`
     * @param bool $background whether a call that finds that the token expires soon refreshes it before it returns; other processes
     *     continue meanwhile
     * @param float|null $waitTimeout how many seconds a call waits for a token; null: 30
     * @param float|null $sendTimeout how many seconds a token request may take; null: 60
     * @param float|null $lease how many seconds other processes wait for a refresh whose process has ended; null: 90
     * @param array<string, mixed>|null $clientCredentials the session holds the client's own tokens (RFC 6749, 4.4): `scope`,
     *     `audience`, `resource`, `parameters`
     * @param string|null $key identifies the sign-in in a store that keeps several
     * @param bool $alone no state is shared with other sessions of the same store and settings
     * @param (callable(Event): void)|null $onEvent receives all events, from the first one on
     * @param array<int, mixed> $curlOptions for token requests, and those of a `Client`: a proxy, a CA file, a client certificate
     * @param string|null $clientAuth the client authentication method, if it is not the dialect's: `none`, `client_secret_basic`,
     *     `client_secret_post`, `client_secret_jwt`
     * @param array<string, mixed>|null $server the result of `Session::discover`, instead of endpoints
     * @param string|null $authorizationUrl the authorization endpoint, if neither the dialect nor `server` defines it
     * @param (callable(self): ?Tokens)|null $login signs in again when a call would get LoginRequired, and the call continues: it
     *     calls a `signIn..` method of the session, or returns tokens
     * @param float|null $loginTimeout how many seconds a call waits for `login`; null: 300; 0: it does not wait
     * @param SigningKey|null $clientKey authenticates the client to the token endpoint (`private_key_jwt`), instead of a secret
     * @param SigningKey|null $dpopKey tokens are bound to this key (DPoP, RFC 9449)
     * @param bool|null $requireDpop with a `dpopKey`: whether a token that the server did not bind to the key is an error; null: true
     */
    public function __construct(
        string|array $dialect = 'oauth2',
        ?string $tokenUrl = null,
        ?string $clientId = null,
        #[\SensitiveParameter]
        ?string $clientSecret = null,
        ?Tokens $tokens = null,
        array $origins = [],
        array $insecureOrigins = [],
        Store|FileStore|null $store = null,
        ?callable $refresh = null,
        array $variables = [],
        ?string $rotation = null,
        bool $background = true,
        ?float $waitTimeout = null,
        ?float $sendTimeout = null,
        ?float $lease = null,
        ?array $clientCredentials = null,
        ?string $key = null,
        bool $alone = false,
        ?callable $onEvent = null,
        #[\SensitiveParameter]
        array $curlOptions = [],
        ?string $clientAuth = null,
        ?array $server = null,
        ?string $authorizationUrl = null,
        ?callable $login = null,
        ?float $loginTimeout = null,
        ?SigningKey $clientKey = null,
        ?SigningKey $dpopKey = null,
        ?bool $requireDpop = null,
        ?Driver $driver = null,
    ) {
        $store ??= new MemoryStore();
        $settings = [
            'dialect' => $dialect,
            'token_url' => $tokenUrl,
            'authorization_url' => $authorizationUrl,
            'server' => $server,
            'client_id' => $clientId,
            'client_secret' => $clientSecret,
            'client_auth' => $clientAuth,
            'client_key' => $clientKey?->toCore(),
            'dpop_key' => $dpopKey?->toCore(),
            'require_dpop' => $requireDpop,
            'tokens' => $tokens === null ? null : Json::object($tokens->toCore()),
            'origins' => $origins,
            'insecure_origins' => $insecureOrigins,
            'store' => self::storeSettings($store),
            'refresh' => $refresh !== null,
            'variables' => Json::object($variables),
            'rotation' => $rotation,
            'background' => $background,
            'wait_timeout_ms' => self::ms($waitTimeout),
            'send_timeout_ms' => self::ms($sendTimeout),
            'lease_ms' => self::ms($lease),
            'client_credentials' => $clientCredentials === null ? null : Json::object($clientCredentials),
            'key' => $key,
            'alone' => $alone,
            'login' => $login !== null,
            'login_timeout_ms' => self::ms($loginTimeout),
        ];
        $settings = array_filter($settings, static fn (mixed $value): bool => $value !== null);
        $driver ??= Driver::shared();
        $number = $driver->number();
        $this->keep([$driver, $number]);
        $asked = $store instanceof FileStore ? null : $store;
        CurlOptions::check($curlOptions);
        $hosted = new Hosted(
            $settings,
            $asked,
            $refresh === null ? null : Closure::fromCallable($refresh),
            $curlOptions,
            $login === null ? null : self::loginOf(WeakReference::create($this), $login),
            array_values(array_filter([$clientKey, $dpopKey])),
        );
        if ($onEvent !== null) {
            $hosted->listen(Closure::fromCallable($onEvent));
        }
        $driver->register($number, $hosted);
    }

    public function __destruct()
    {
        [$driver, $number] = $this->kept() ?? [null, 0];
        $driver?->forget($number);
    }

    /** Returns a valid token, refreshing it first if necessary. `minLife`: the seconds that it must remain valid. */
    public function token(?float $minLife = null): Token
    {
        return $minLife === null
            ? $this->tokenIfValid() ?? $this->askToken(['do' => 'token'])
            : $this->askToken(['do' => 'token', 'min_life_ms' => self::ms($minLife)]);
    }

    /** Returns the token if it is valid now. Never waits. */
    public function tokenIfValid(): ?Token
    {
        [$driver, $number] = $this->kept();
        $this->hosted()->checkOutside('token_if_valid');
        if ($this->tag === 0 || $driver->tag($number) !== $this->tag) {
            $told = $this->call(['do' => 'token_if_valid']);
            [$this->tag, $this->token] = is_array($told) ? [$told['tag'], new Token($told)] : [0, null];
        }
        return $this->token;
    }

    /** Refreshes the token now, or joins a refresh in progress. `force`: even during a back-off, or with a rejected token. */
    public function refresh(bool $force = false): Token
    {
        return $this->askToken(['do' => $force ? 'force_refresh' : 'refresh']);
    }

    /** Discards the access token; the next call refreshes it. */
    public function invalidate(): void
    {
        $this->tell(['do' => 'invalidate']);
    }

    /** Stores the tokens obtained by a sign-in. */
    public function signIn(Tokens $tokens): void
    {
        $this->call(['do' => 'sign_in', 'credential' => Json::object($tokens->toCore())]);
    }

    /**
     * Deletes the tokens from the session and the store. `revoke`: also asks the server to revoke them, and returns whether it did;
     * null: the server does not support revocation.
     */
    public function signOut(bool $revoke = false): ?bool
    {
        return $this->call(['do' => 'sign_out', 'revoke' => $revoke]);
    }

    /** Returns the state of the session. `fresh`: first reads the store if it has not been read yet. */
    public function status(bool $fresh = false): Status
    {
        return Status::of($this->call(['do' => 'status', 'fresh' => $fresh]));
    }

    /** @return array<string, int> the session's counters since it was created */
    public function stats(): array
    {
        return $this->call(['do' => 'stats']);
    }

    /** @param callable(Event): void $listener receives each event from now on */
    public function onEvent(callable $listener): void
    {
        $this->hosted()->listen(Closure::fromCallable($listener));
    }

    /** Signs requests to the session's origins, refreshes the token, and resends if that is safe; `base` sends the requests. */
    public function client(ClientInterface $base): SignedClient
    {
        return new SignedClient($this, $base);
    }

    /** Waits until all work is done and saved, for at most the given seconds. Returns whether that succeeded. */
    public function shutdown(float $seconds = 5.0): bool
    {
        return $this->call(['do' => 'shutdown', 'ms' => self::ms($seconds)])['settled'];
    }

    public function __debugInfo(): array
    {
        return [];
    }

    /**
     * @internal
     * @param array<string, mixed> $message
     * @param (Closure(DeviceCode): mixed)|null $show
     */
    public function call(#[\SensitiveParameter] array $message, ?Closure $show = null): mixed
    {
        [$driver, $number] = $this->kept();
        $this->hosted()->checkOutside($message['do']);
        return $driver->call($message + ['session' => $number], $show);
    }

    /**
     * @internal
     * @param array<string, mixed> $message one without a result
     */
    public function tell(#[\SensitiveParameter] array $message): void
    {
        [$driver, $number] = $this->kept();
        $driver->send($message + ['session' => $number]);
    }

    /**
     * @internal
     * @return array<int, mixed>
     */
    public function curlOptions(): array
    {
        return $this->hosted()->curlOptions;
    }

    /**
     * The current token and its tag, if that origin accepted it.
     *
     * @internal
     * @return array{int, ?Token}
     */
    public function acceptedToken(string $origin): array
    {
        $tag = $this->accepted[$origin] ?? 0;
        if ($tag === 0) {
            return [0, null];
        }
        $this->hosted()->checkOutside('begin');
        $token = $this->tokenIfValid();
        return $tag === $this->tag ? [$tag, $token] : [0, null];
    }

    /**
     * @internal
     * @param list<array{string, string}>|null $headers those that the core added to a request that the origin accepted; null: forget it
     */
    public function acceptedBy(string $origin, #[\SensitiveParameter] ?array $headers): void
    {
        unset($this->accepted[$origin]);
        $token = $headers === null ? null : $this->tokenIfValid();
        // A proof of possession is valid for one request only, and the token may have changed.
        if ($token !== null && $headers === Signing::headersOf($token)) {
            $this->accepted[$origin] = $this->tag;
        }
    }

    /** @internal */
    public function number(): int
    {
        return $this->kept()[0]->number();
    }

    private function hosted(): Hosted
    {
        [$driver, $number] = $this->kept();
        return $driver->hosted($number) ?? throw new Misuse('this session has ended: the process is ending, or its destructor was called');
    }

    /** @param array<string, mixed> $message */
    private function askToken(array $message): Token
    {
        return new Token($this->call($message));
    }

    /**
     * The core itself reads and writes files, with the locks that all languages share.
     *
     * @return array<string, mixed>
     */
    private static function storeSettings(Store|FileStore $store): array
    {
        return $store instanceof FileStore
            ? $store->toCore()
            : ['identity' => $store->identity(), 'shared' => $store->isShared()];
    }

    /**
     * Holds the session weakly, so that it can be garbage-collected.
     *
     * @param WeakReference<self> $session
     * @return Closure(): void
     */
    private static function loginOf(WeakReference $session, callable $login): Closure
    {
        return static function () use ($session, $login): void {
            $self = $session->get() ?? throw new Misuse('the session is gone');
            $tokens = $login($self);
            if ($tokens instanceof Tokens) {
                $self->signIn($tokens);
            }
        };
    }

    private static function ms(?float $seconds): ?int
    {
        return $seconds === null ? null : (int) max(0, min(1000 * $seconds, PHP_INT_MAX >> 1));
    }

    private function __clone()
    {
    }
}
