<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use GuzzleHttp\Client as Guzzle;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Psr7\NoSeekStream;
use GuzzleHttp\Psr7\Request;
use GuzzleHttp\Psr7\Utils;
use IteratorAggregate;
use PHPUnit\Framework\TestCase;
use Psr\Http\Message\StreamInterface;
use Rekindle\Guzzle\Middleware;
use Rekindle\Judgement;
use Rekindle\Session;
use Rekindle\Symfony\SignedHttpClient;
use Rekindle\Tokens;
use Symfony\Component\HttpClient\CurlHttpClient;
use Traversable;

/** A server that says 401 while a long body still goes out (spec 11.1). */
final class UploadsTest extends TestCase
{
    private const LENGTH = 20 << 20;

    private static string $file = '';

    public static function setUpBeforeClass(): void
    {
        self::$file = (string) tempnam(sys_get_temp_dir(), 'upload');
        file_put_contents(self::$file, self::content());
    }

    public static function tearDownAfterClass(): void
    {
        unlink(self::$file);
    }

    public function testThroughPsr18NoByteOfAFileIsLost(): void
    {
        $server = new UploadServer();
        $base = new Guzzle(['http_errors' => false]);
        $request = new Request('PUT', "{$server->url}/up", [], self::stream());
        $response = self::session($server)->client($base)->sendRequest($request);
        self::assertWhole((string) $response->getBody());
        self::assertSame('accepted', Judgement::of($response)?->verdict);
    }

    public function testThroughGuzzleNoByteOfAFileIsLost(): void
    {
        $server = new UploadServer();
        $response = self::guzzle($server)->putAsync('/up', ['body' => self::stream()])->wait();
        self::assertWhole((string) $response->getBody());
    }

    /** @return iterable<string, array{callable(): mixed, bool}> */
    public static function symfonyBodies(): iterable
    {
        $chunks = static function (): iterable {
            yield from str_split(self::content(), 1 << 20);
        };
        $anew = new class ($chunks) implements IteratorAggregate {
            public function __construct(private readonly \Closure $chunks)
            {
            }

            public function getIterator(): Traversable
            {
                yield from ($this->chunks)();
            }
        };
        yield 'a text' => [static fn (): string => self::content(), true];
        yield 'a file' => [static fn () => fopen(self::$file, 'rb'), true];
        yield 'a generator function' => [static fn (): \Closure => $chunks, false];
        yield 'an iterable that begins anew' => [static fn (): IteratorAggregate => $anew, false];
    }

    /**
     * @dataProvider symfonyBodies
     * @param callable(): mixed $body
     */
    public function testThroughSymfonyNoByteIsLost(callable $body, bool $hasLength): void
    {
        $server = new UploadServer();
        $client = new SignedHttpClient(self::session($server), new CurlHttpClient());
        $response = $client->request('PUT', "{$server->url}/up", ['body' => $body()]);
        self::assertWhole($response->getContent(), $hasLength);
        self::assertSame(['accepted', null], [Judgement::of($response)?->verdict, Judgement::of($response)?->replayRefused]);
    }

    /** spec 3.4, 3.5 */
    public function testWhatCannotBeReadTwiceIsAnsweredWithTheReason(): void
    {
        $server = new UploadServer();
        $once = new NoSeekStream(Utils::streamFor('seven'));
        $response = self::session($server)->client(new Guzzle(['http_errors' => false]))->sendRequest(
            new Request('PUT', "{$server->url}/up", ['Content-Length' => '5'], $once)
        );
        $judged = Judgement::of($response);
        self::assertSame([401, 'expired', 'body_not_replayable'], [$response->getStatusCode(), $judged?->verdict, $judged?->replayRefused]);
        $response = self::guzzle($server)->put('/up', ['body' => new NoSeekStream(Utils::streamFor('seven'))]);
        self::assertSame('body_not_replayable', Judgement::of($response)?->replayRefused);
        $read = static fn (): string => '';
        $client = new SignedHttpClient(self::session($server), new CurlHttpClient());
        $response = $client->request('PUT', "{$server->url}/up", ['body' => $read]);
        self::assertSame([401, 'body_not_replayable'], [$response->getStatusCode(), Judgement::of($response)?->replayRefused]);
    }

    private static function content(): string
    {
        return str_repeat(implode('', array_map(chr(...), range(0, 250))), intdiv(self::LENGTH, 251));
    }

    private static function stream(): StreamInterface
    {
        return Utils::streamFor(fopen(self::$file, 'rb'));
    }

    private static function session(UploadServer $server): Session
    {
        return new Session(tokenUrl: "{$server->url}/token", tokens: new Tokens('AT-1', 'RT-1'), origins: [$server->url]);
    }

    private static function guzzle(UploadServer $server): Guzzle
    {
        $stack = HandlerStack::create();
        $stack->push(new Middleware(self::session($server)));
        return new Guzzle(['base_uri' => $server->url, 'handler' => $stack, 'http_errors' => false]);
    }

    private static function assertWhole(string $told, bool $hasLength = true): void
    {
        $content = self::content();
        $told = json_decode($told, true, 512, JSON_THROW_ON_ERROR);
        $length = $hasLength ? (string) strlen($content) : null;
        self::assertSame([strlen($content), crc32($content), $length], [$told['bytes'], $told['crc'], $told['length']]);
    }
}
