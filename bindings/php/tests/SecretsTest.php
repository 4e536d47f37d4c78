<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use Exception;
use PHPUnit\Framework\TestCase;
use ReflectionProperty;
use Rekindle\ErrorResponse;
use Rekindle\Exception\LoginRequired;
use Rekindle\Exception\Misuse;
use Rekindle\Exception\RekindleException;
use Rekindle\RefreshInput;
use Rekindle\Session;
use Rekindle\Store\Expected;
use Rekindle\Store\MemoryStore;
use Rekindle\Store\Record;
use Rekindle\Tokens;
use Throwable;

final class SecretsTest extends TestCase
{
    /** @return iterable<string, array{object}> */
    public static function objects(): iterable
    {
        $tokens = new Tokens('SECRET-1', 'SECRET-2', extra: ['more' => 'SECRET-3']);
        $session = new Session(tokenUrl: 'https://auth.example.com/token', clientSecret: 'SECRET-4', tokens: $tokens);
        $store = new MemoryStore();
        $store->save('default', 'SECRET-5', Expected::absent());
        yield 'tokens' => [$tokens];
        yield 'a session' => [$session];
        yield 'a token' => [$session->token()];
        yield 'a refresh' => [new RefreshInput('SECRET-2', 'read', ['more' => 'SECRET-3'])];
        yield 'a record' => [new Record('SECRET-5', '1')];
        yield 'a store' => [$store];
        yield 'a response' => [new ErrorResponse(['status' => 400, 'url' => 'https://a/?SECRET-1', 'headers' => [], 'body' => 'SECRET-1'])];
    }

    /** @dataProvider objects */
    public function testNoDumpShowsASecret(object $object): void
    {
        ob_start();
        var_dump($object, [$object]);
        $dumped = (string) ob_get_clean();
        $shown = [$dumped, print_r($object, true), var_export($object, true), json_encode($object), serialize((array) $object)];
        foreach ($shown as $text) {
            self::assertLacksSecrets((string) $text);
        }
    }

    /** @dataProvider objects */
    public function testNoneIsSerialized(object $object): void
    {
        $this->expectException(Misuse::class);
        serialize($object);
    }

    public function testNoStackTraceShowsASecret(): void
    {
        $server = new TestServer();
        $answer = ['status' => 400, 'json' => ['error' => 'invalid_grant', 'hint' => 'SECRET-2 was used']];
        $server->play([['match' => ['path' => '/token'], 'respond' => $answer]]);
        $session = new Session(
            tokenUrl: "{$server->url}/token",
            clientSecret: 'SECRET-4',
            tokens: new Tokens('SECRET-1', 'SECRET-2'),
        );
        try {
            $session->refresh();
            self::fail('it went through');
        } catch (LoginRequired $error) {
            self::assertHidden($error);
        }
    }

    public function testAStoreThatQuotesWhatItWasGivenGivesNothingAway(): void
    {
        $session = new Session(
            tokenUrl: 'https://auth.example.com/token',
            store: new Stores\Quoting(),
            waitTimeout: 0.001,
        );
        try {
            $session->signIn(new Tokens('SECRET-1', 'SECRET-2'));
            self::fail('it went through');
        } catch (RekindleException $error) {
            self::assertHidden($error);
        }
    }

    private static function assertLacksSecrets(string $shown): void
    {
        $at = strpos($shown, 'SECRET');
        self::assertFalse($at, substr($shown, max(0, (int) $at - 300), 600));
    }

    private static function assertHidden(Throwable $error): void
    {
        for ($one = $error; $one !== null; $one = $one->getPrevious()) {
            self::leaveOutPhpUnit($one);
        }
        ob_start();
        var_dump($error, $error->getTrace());
        $shown = ob_get_clean() . $error . print_r($error, true) . json_encode($error);
        self::assertLacksSecrets($shown);
    }

    /** The arguments of its frames are all that it knows of all tests: gigabytes, dumped. */
    private static function leaveOutPhpUnit(Throwable $error): void
    {
        $isOurs = static fn (array $frame): bool => !str_starts_with($frame['class'] ?? '', 'PHPUnit\\');
        $trace = new ReflectionProperty(Exception::class, 'trace');
        $trace->setValue($error, array_values(array_filter($error->getTrace(), $isOurs)));
    }
}
