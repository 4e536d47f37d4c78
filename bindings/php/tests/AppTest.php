<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PHPUnit\Framework\TestCase;
use Rekindle\App;
use Rekindle\Client;
use Rekindle\Exception\InvalidConfig;
use Rekindle\Exception\Misuse;
use Rekindle\Session;
use Rekindle\SignedIn;
use Rekindle\SignInOptions;
use Rekindle\Store\FileStore;
use Rekindle\Store\MemoryStore;
use Rekindle\Store\Store;
use Rekindle\Tokens;

final class AppTest extends TestCase
{
    private const CALLBACK = 'http://127.0.0.1:49152/callback';

    public static function tearDownAfterClass(): void
    {
        Servers::stop();
        exec('rm -rf ' . escapeshellarg(Servers::folder('accounts')));
    }

    public function testASessionIsTheSameOneAsLongAsItIsHeld(): void
    {
        $app = new App(tokenUrl: 'https://auth.example.com/token');
        $one = $app->session('ada', new Tokens('AT-1'));
        self::assertSame($one, $app->session('ada'));
        self::assertNotSame($one, $app->session('bea'));
        self::assertSame('AT-1', $one->token()->value());
        unset($one);
        // It comes back from the store.
        self::assertSame('AT-1', $app->session('ada')->token()->value());
    }

    public function testWhatIsWrongIsToldWhenTheAppIsMade(): void
    {
        $mistakes = [['tokenUrl' => 'http://auth.example.com'], ['tokens' => new Tokens('AT-1')], ['key' => 'ada'], ['alone' => true]];
        foreach ($mistakes as $given) {
            try {
                new App(...$given);
                self::fail('it was taken');
            } catch (InvalidConfig $error) {
                self::assertSame(array_key_first($given), $error->argument);
            }
        }
        $this->expectException(Misuse::class);
        serialize(new App(tokenUrl: 'https://auth.example.com/token'));
    }

    /** @return iterable<string, array{callable(): (Store|FileStore)}> */
    public static function stores(): iterable
    {
        yield 'memory' => [static fn (): Store => new MemoryStore()];
        yield 'files' => [static fn (): FileStore => FileStore::folder(Servers::folder('accounts') . '/store')];
        yield 'SQLite' => [static fn (): Store => StoresTest::table('sqlite:' . Servers::folder('accounts') . '/records')];
        yield 'PostgreSQL' => [static fn (): Store => StoresTest::table(Servers::postgres())];
        yield 'Redis' => [static fn (): Store => StoresTest::redis(Servers::redis())];
    }

    /**
     * spec 12.17
     *
     * @dataProvider stores
     * @param callable(): (Store|FileStore) $make
     */
    public function testTwoAccountsAreListedSwitchedAndRemoved(callable $make): void
    {
        $provider = new OidcProvider();
        $options = ['server' => Session::discover($provider->url), 'clientId' => 'pub', 'origins' => [$provider->url], 'store' => $make()];
        $app = new App(...$options);
        self::assertSame([], $app->accounts());
        $signedIn = $this->signedIn($app, $provider, null);
        self::assertSame(['ann', '/settings'], [$signedIn->key, $signedIn->returnTo]);
        self::assertSame('User/42', $this->signedIn($app, $provider, 'User/42')->key);
        self::assertSame(['User/42', 'ann'], $app->accounts());
        $data = static fn (string $key): string => (new Client($app->session($key), $provider->url))->get('/api/data')['data'];
        self::assertSame(['kept alive', 'kept alive'], [$data('ann'), $data('User/42')]);
        self::assertTrue($app->remove('User/42'));
        self::assertSame(['ann'], $app->accounts());
        // Another process, with the same store.
        self::assertSame(['ann'], (new App(...$options))->accounts());
    }

    /** spec 12.17 */
    public function testWithoutAKeyAndWithoutOpenidNothingIsSent(): void
    {
        $auth = 'https://auth.example.com';
        $app = new App(authorizationUrl: "{$auth}/authorize", tokenUrl: "{$auth}/token", clientId: 'app');
        $begun = $app->beginSignIn(new SignInOptions(redirectUri: self::CALLBACK, scope: 'read'));
        $this->expectException(InvalidConfig::class);
        $app->finishSignIn($begun->pending(), self::CALLBACK . "?code=c&state={$begun->state}");
    }

    private function signedIn(App $app, OidcProvider $provider, ?string $key): SignedIn
    {
        $begun = $app->beginSignIn(new SignInOptions(self::CALLBACK, 'openid offline_access', prompt: 'consent', returnTo: '/settings'));
        return $app->finishSignIn($begun->pending(), (string) $provider->person($begun->url), $key);
    }
}
