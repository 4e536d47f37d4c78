<?php

declare(strict_types=1);

namespace Rekindle;

use JsonSerializable;
use Rekindle\Exception\InvalidConfig;
use Rekindle\Exception\Misuse;
use Rekindle\Exception\StoreUnavailable;
use Rekindle\Store\Lister;
use Rekindle\Store\MemoryStore;
use Throwable;
use WeakReference;

/**
 * The sign-ins of many users, with one configuration and one store.
 *
 *     $app = new App(tokenUrl: $tokenUrl, origins: ['https://api.example.com'], store: FileStore::folder('sessions'));
 *     $session = $app->session('user-42');
 */
final class App implements JsonSerializable
{
    use Redacted;

    /** @var array<string, WeakReference<Session>> */
    private array $known = [];
    private ?Session $anybody = null;

    /** @param mixed ...$options by name, those of `Session` but for `tokens`, `key` and `alone`, which are one user's */
    public function __construct(#[\SensitiveParameter] mixed ...$options)
    {
        if ($options !== [] && array_is_list($options)) {
            throw new Misuse('options are given by name: tokenUrl: \'https://..\', origins: [..]');
        }
        foreach (['tokens', 'key', 'alone'] as $name) {
            if (array_key_exists($name, $options)) {
                throw new InvalidConfig("{$name} is one session's: give tokens to \$app->session(\$key, \$tokens)", argument: $name);
            }
        }
        $options['store'] ??= new MemoryStore();
        $this->keep($options);
        // What is wrong with the configuration is told now, and not to the first user.
        $this->made('check');
    }

    /** The session of a user; always the same one, as long as anybody holds it. `tokens`: for one that was never signed in. */
    public function session(string $key, ?Tokens $tokens = null): Session
    {
        $session = ($this->known[$key] ?? null)?->get();
        if ($session === null) {
            $this->known = array_filter($this->known, static fn (WeakReference $one): bool => $one->get() !== null);
            $session = $this->made($key, $tokens);
            $this->known[$key] = WeakReference::create($session);
        }
        return $session;
    }

    /** As `Session::beginSignIn`, for a user who is not known yet. */
    public function beginSignIn(SignInOptions $options = new SignInOptions()): BegunSignIn
    {
        return $this->anybody()->beginSignIn($options);
    }

    /**
     * As `Session::finishSignIn`; it gives the session of the one who signed in, under `key`, or, with `openid` in the scope, the server's
     * own name for them (`sub`).
     */
    public function finishSignIn(
        #[\SensitiveParameter]
        string $pending,
        #[\SensitiveParameter]
        string $callback,
        ?string $key = null,
    ): SignedIn {
        if ($key !== null) {
            // What is wrong with it is told before a code is spent.
            $this->session($key);
        }
        $asked = ['do' => 'redeem', 'pending' => $pending, 'callback' => $callback];
        $told = $this->anybody()->call($asked + ($key === null ? [] : ['key' => $key]));
        $session = $this->session($told['key']);
        $session->call(['do' => 'take_redeemed', 'redeemed' => $told['redeemed']]);
        return new SignedIn($session, $told['key'], $told['return_to'] ?? null);
    }

    /** @return list<string> the keys of all who are signed in, in order; the store must list its keys (`Store\Lister`) */
    public function accounts(): array
    {
        $store = $this->kept()['store'];
        if (!$store instanceof Lister) {
            $message = 'the store cannot list its keys: let it implement Rekindle\\Store\\Lister, or keep a list of your own';
            throw new InvalidConfig($message, argument: 'store');
        }
        try {
            $keys = $store->keys();
        } catch (Throwable $error) {
            throw new StoreUnavailable('the store cannot be read now: it threw ' . $error::class, $error, retryable: true);
        }
        // Whoever signed out has left a record that says so.
        $isIn = fn (string $key): bool => $this->session($key)->status(fresh: true)->standing !== 'signed_out';
        $accounts = array_values(array_filter($keys, $isIn));
        sort($accounts, SORT_STRING);
        return $accounts;
    }

    /** Signs that user out, and asks the server to revoke the tokens: see `Session::signOut`. */
    public function remove(string $key): ?bool
    {
        return $this->session($key)->signOut(revoke: true);
    }

    public function __debugInfo(): array
    {
        return [];
    }

    private function made(string $key, ?Tokens $tokens = null): Session
    {
        return new Session(...['key' => $key, 'tokens' => $tokens] + $this->kept());
    }

    /** Of nobody: it sends what a sign-in takes before it is known whose it is, and keeps nothing. */
    private function anybody(): Session
    {
        $own = ['store' => new MemoryStore(), 'key' => 'anybody', 'alone' => true, 'login' => null];
        return $this->anybody ??= new Session(...$own + $this->kept());
    }

    private function __clone()
    {
    }
}
