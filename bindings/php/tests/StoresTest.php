<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PDO;
use PHPUnit\Framework\TestCase;
use Redis;
use Rekindle\Exception\StoreUnavailable;
use Rekindle\Session;
use Rekindle\Store\Expected;
use Rekindle\Store\Lister;
use Rekindle\Store\MemoryStore;
use Rekindle\Store\PdoStore;
use Rekindle\Store\RedisStore;
use Rekindle\Store\Store;
use Rekindle\Tokens;

final class StoresTest extends TestCase
{
    public static function tearDownAfterClass(): void
    {
        Servers::stop();
    }

    /** @return iterable<string, array{callable(): Store}> */
    public static function stores(): iterable
    {
        yield 'memory' => [static fn (): Store => new MemoryStore()];
        yield 'SQLite' => [static fn (): Store => self::table('sqlite::memory:')];
        yield 'PostgreSQL' => [static fn (): Store => self::table(Servers::postgres())];
        yield 'Redis' => [static fn (): Store => self::redis(Servers::redis())];
    }

    /**
     * spec 7.1
     *
     * @dataProvider stores
     * @param callable(): Store $make
     */
    public function testARecordIsReplacedOnlyIfItIsStillWhatWasExpected(callable $make): void
    {
        $store = $make();
        self::assertNull($store->load('ada'));
        $first = $store->save('ada', 'one', Expected::absent());
        self::assertIsString($first);
        self::assertNull($store->save('ada', 'two', Expected::absent()));
        $second = $store->save('ada', 'two', Expected::version($first));
        self::assertIsString($second);
        self::assertNull($store->save('ada', 'three', Expected::version($first)));
        self::assertSame('two', $store->load('ada')?->text());
        self::assertSame($second, $store->load('ada')?->version);
        self::assertIsString($store->save('ada', 'ü"\'4', Expected::anything()));
        self::assertSame('ü"\'4', $store->load('ada')?->text());
        self::assertIsString($store->save('bob', 'one', Expected::anything()));
        self::assertNull($store->save('eve', 'one', Expected::version($first)));
        self::assertNull($store->load('eve'));
    }

    /**
     * spec 12.17
     *
     * @dataProvider stores
     * @param callable(): Store&Lister $make
     */
    public function testAllKeysAreListedWhateverIsInThem(callable $make): void
    {
        $store = $make();
        self::assertSame([], $store->keys());
        $keys = ['*', '42', 'User/42', '[a]', 'ada', str_repeat('long ', 60), 'größe'];
        foreach ($keys as $key) {
            $store->save($key, 'one', Expected::absent());
            $store->save($key, 'two', Expected::anything());
        }
        $listed = $store->keys();
        sort($listed, SORT_STRING);
        sort($keys, SORT_STRING);
        self::assertSame($keys, $listed);
    }

    public function testAPrefixIsNoPatternAndTheConnectionsOwnIsLeftOut(): void
    {
        $connect = static function (): Redis {
            $redis = new Redis();
            $redis->connect(Servers::redis());
            $redis->setOption(Redis::OPT_PREFIX, 'app?:');
            return $redis;
        };
        $store = new RedisStore($connect, 'te[s]t*:');
        $other = new RedisStore($connect, 'test-:');
        $store->save('ada', 'one', Expected::absent());
        $other->save('bob', 'one', Expected::absent());
        self::assertSame(['ada'], $store->keys());
        self::assertSame(['bob'], $other->keys());
    }

    /**
     * @dataProvider stores
     * @param callable(): Store $make
     */
    public function testWhatOneSessionRefreshedAnotherTakes(callable $make): void
    {
        $server = new TestServer(['dialect' => 'oauth', 'rotation' => 'strict_family']);
        $signedIn = $server->signIn();
        $store = $make();
        $session = static fn (): Session => new Session(
            tokenUrl: "{$server->url}/oauth/token",
            clientId: 'app',
            clientSecret: 'app-secret',
            tokens: new Tokens($signedIn['access_token'], $signedIn['refresh_token'], $signedIn['expires_in']),
            store: $store,
            key: 'ada',
            alone: true,
        );
        $refreshed = $session()->refresh()->value();
        self::assertSame($refreshed, $session()->token()->value());
        self::assertSame(1, $server->counters()['refreshes']);
    }

    public function testAnOpenTransactionOfTheApplicationIsRefused(): void
    {
        $pdo = new PDO('sqlite::memory:');
        $store = new PdoStore(static fn (): PDO => $pdo);
        $store->createTable();
        $pdo->beginTransaction();
        $session = new Session(tokenUrl: 'https://auth.example.com/token', store: $store);
        $this->expectException(StoreUnavailable::class);
        $this->expectExceptionMessage('a connection of its own');
        $session->signIn(new Tokens('AT-1', 'RT-1'));
    }

    public static function table(string $dsn): PdoStore
    {
        $store = new PdoStore(static fn (): PDO => new PDO($dsn), 'records_' . bin2hex(random_bytes(4)));
        $store->createTable();
        return $store;
    }

    public static function redis(string $socket): RedisStore
    {
        return new RedisStore(static function () use ($socket): Redis {
            $redis = new Redis();
            $redis->connect($socket);
            return $redis;
        }, 'test:' . bin2hex(random_bytes(4)) . ':');
    }
}
