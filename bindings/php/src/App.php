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
 * Keeps the sign-ins of many users alive, with one configuration and one store.
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
            throw new Misuse('options are named arguments: tokenUrl: \'https://..\', origins: [..]');
        }
        foreach (['tokens', 'key', 'alone'] as $name) {
            if (array_key_exists($name, $options)) {
                throw new InvalidConfig("{$name} belongs to one session: pass tokens to \$app->session(\$key, \$tokens)", argument: $name);
            }
        }
        $options['store'] ??= new MemoryStore();
        $this->keep($options);
        // An invalid configuration is reported now, not at the first user's session.
        $this->made('check');
    }

    /** Returns the session of a user: always the same object while the program holds it. `tokens`: for a user who never signed in. */
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

    /** Like `Session::beginSignIn`, for a user who is not known yet. */
    public function beginSignIn(SignInOptions $options = new SignInOptions()): BegunSignIn
    {
        return $this->anybody()->beginSignIn($options);
    }

    /**
     * Like `Session::finishSignIn`; returns the session of the user who signed in. Its key is `key`, or, if the scope contains `openid`,
     * the server's identifier of the user (`sub`).
     */
    public function finishSignIn(
        #[\SensitiveParameter]
        string $pending,
        #[\SensitiveParameter]
        string $callback,
        ?string $key = null,
    ): SignedIn {
        if ($key !== null) {
            // An invalid key is reported before the code is used.
            $this->session($key);
        }
        $asked = ['do' => 'redeem', 'pending' => $pending, 'callback' => $callback];
        $told = $this->anybody()->call($asked + ($key === null ? [] : ['key' => $key]));
        $session = $this->session($told['key']);
        $session->call(['do' => 'take_redeemed', 'redeemed' => $told['redeemed']]);
        return new SignedIn($session, $told['key'], $told['return_to'] ?? null);
    }

    /** @return list<string> the sorted keys of all signed-in users; the store must be able to list its keys (`Store\Lister`) */
    public function accounts(): array
    {
        $store = $this->kept()['store'];
        if (!$store instanceof Lister) {
            $message = 'the store cannot list its keys: implement Rekindle\\Store\\Lister in it, or keep your own list';
            throw new InvalidConfig($message, argument: 'store');
        }
        try {
            $keys = $store->keys();
        } catch (Throwable $error) {
            throw new StoreUnavailable('the store could not be read: it threw ' . $error::class, $error, retryable: true);
        }
        // A sign-out leaves a record that says so.
        $isIn = fn (string $key): bool => $this->session($key)->status(fresh: true)->standing !== 'signed_out';
        $accounts = array_values(array_filter($keys, $isIn));
        sort($accounts, SORT_STRING);
        return $accounts;
    }

    /** Signs a user out, and asks the server to revoke the tokens: see `Session::signOut`. */
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

    /** A session for the requests of a sign-in, before its user is known. It stores nothing. */
    private function anybody(): Session
    {
        $own = ['store' => new MemoryStore(), 'key' => 'anybody', 'alone' => true, 'login' => null];
        return $this->anybody ??= new Session(...$own + $this->kept());
    }

    private function __clone()
    {
    }
}
