<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use Closure;
use DateTimeImmutable;
use GuzzleHttp\Client as Guzzle;
use GuzzleHttp\Exception\GuzzleException;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Psr7\NoSeekStream;
use GuzzleHttp\Psr7\Utils;
use LogicException;
use PHPUnit\Framework\TestCase;
use Rekindle\Client;
use Rekindle\Exception\HttpStatus;
use Rekindle\Exception\InvalidConfig;
use Rekindle\Exception\InvalidResponse;
use Rekindle\Exception\LoginRequired;
use Rekindle\Exception\RefreshFailed;
use Rekindle\Exception\RekindleException;
use Rekindle\Exception\Timeout;
use Rekindle\Guzzle\Middleware;
use Rekindle\Http\ReadAgain;
use Rekindle\Judgement;
use Rekindle\RefreshInput;
use Rekindle\Session;
use Rekindle\Symfony\SignedHttpClient;
use Rekindle\Tokens;
use RuntimeException;
use Symfony\Component\HttpClient\CurlHttpClient;
use Symfony\Contracts\HttpClient\Exception\TransportExceptionInterface;

final class FaultsTest extends TestCase
{
    /** spec 5.19 */
    public function testWhatARefreshFunctionThrowsMayHaveSpentTheTokenAndIsTheCause(): void
    {
        $calls = 0;
        $failed = self::refreshedBy(static function () use (&$calls): never {
            $calls++;
            throw new LogicException('a text with SECRET-2');
        }, 'strict');
        self::assertInstanceOf(LogicException::class, $failed->getPrevious());
        self::assertStringContainsString('threw LogicException', $failed->getMessage());
        self::assertStringNotContainsString('SECRET', $failed->getMessage());
        self::assertInstanceOf(RefreshFailed::class, $failed);
        self::assertSame(2, $calls, 'once more, as the rotation allows');
    }

    /** @return iterable<string, array{mixed, string}> */
    public static function nonsense(): iterable
    {
        yield 'nothing' => [null, 'returned null: return a Rekindle\Tokens'];
        yield 'an array' => [['access_token' => 'AT-2'], 'returned array: return a Rekindle\Tokens'];
        yield 'a number' => [42, 'returned int: return a Rekindle\Tokens'];
        yield 'no access token' => [new Tokens(refreshToken: 'RT-2'), 'no accessToken: return both'];
    }

    /** @dataProvider nonsense */
    public function testWhatARefreshFunctionMustGiveIsSaid(mixed $given, string $said): void
    {
        self::assertStringContainsString($said, self::refreshedBy(static fn (): mixed => $given)->getMessage());
    }

    /** spec 11.4 */
    public function testAGzipBombIsAnErrorThatSaysSo(): void
    {
        $server = new UploadServer();
        $session = new Session(tokenUrl: "{$server->url}/token", tokens: new Tokens('AT-2', 'RT-2'));
        $client = new Client($session, $server->url, curlOptions: [CURLOPT_ENCODING => ''], maxBodyBytes: 1 << 20);
        try {
            $client->get('/bomb');
            self::fail('it went through');
        } catch (InvalidResponse $error) {
            self::assertStringContainsString('/bomb is longer than 1048576 bytes: raise maxBodyBytes', $error->getMessage());
        }
        $exact = new Client($session, $server->url, curlOptions: [CURLOPT_ENCODING => ''], maxBodyBytes: 8 << 20);
        try {
            $exact->get('/bomb');
            self::fail('it went through');
        } catch (InvalidResponse $error) {
            self::assertSame(8 << 20, strlen((string) $error->response?->body()), 'it is read, and is no JSON');
        }
    }

    /** spec 11.7: proxies and certificates hold for both roads. */
    public function testTokenRequestsTravelAsTheApplicationsRequests(): void
    {
        $server = new UploadServer();
        $to = ['localhost:1:' . substr($server->url, strlen('http://'))];
        $session = new Session(
            tokenUrl: 'http://localhost:1/token',
            tokens: new Tokens('AT-1', 'RT-1'),
            curlOptions: [CURLOPT_CONNECT_TO => $to],
        );
        self::assertSame(2, (new Client($session, 'http://localhost:1'))->post('/up', [])['bytes']);
    }

    /** spec 9.2 */
    public function testWhatIsTheSessionsToSayCannotBeSaidOtherwise(): void
    {
        $session = new Session(tokenUrl: 'https://auth.example.com/token', tokens: new Tokens('SECRET-1'));
        $make = static fn (int $option): Client => new Client($session, 'https://api.example.com', curlOptions: [$option => true]);
        foreach ([CURLOPT_FOLLOWLOCATION, CURLOPT_UNRESTRICTED_AUTH, CURLOPT_HTTPHEADER] as $option) {
            try {
                $make($option);
                self::fail('it was made');
            } catch (InvalidConfig $error) {
                self::assertSame('curlOptions', $error->argument);
            }
        }
        $this->expectException(InvalidConfig::class);
        new Session(tokenUrl: 'https://auth.example.com/token', curlOptions: [CURLOPT_FOLLOWLOCATION => true]);
    }

    /** spec 9.2 */
    public function testTheClientFollowsRedirectsWithoutItsTokenElsewhere(): void
    {
        $other = new TestServer();
        $other->play([['match' => ['path' => '/there', 'token' => ''], 'respond' => ['json' => ['ok' => true]]]]);
        $server = new TestServer();
        $away = ['status' => 302, 'headers' => ['Location' => "{$other->url}/there"]];
        $server->play([['match' => ['path' => '/data', 'token' => 'AT-1'], 'respond' => $away]]);
        $session = new Session(tokenUrl: "{$server->url}/token", tokens: new Tokens('AT-1', 'RT-1'));
        self::assertSame(['ok' => true], (new Client($session, $server->url))->get('/data'));
        self::assertSame([], $other->control('GET', '/__consumed')['complaints']);
        $this->expectException(InvalidConfig::class);
        (new Client($session, "{$server->url}/v1"))->get('/%2e%2e/admin');
    }

    /** spec 9.2: of the request's own headers only those on the core's list. */
    public function testOwnHeadersThatMayBeCredentialsDoNotFollowGuzzlesRedirects(): void
    {
        $other = new TestServer();
        $home = new TestServer();
        $again = ['match' => ['path' => '/there'], 'respond' => ['status' => 307, 'headers' => ['Location' => "{$home->url}/back"]]];
        $other->play([$again]);
        $home->play([
            ['match' => ['path' => '/data', 'token' => 'AT-1'],
                'respond' => ['status' => 307, 'headers' => ['Location' => "{$other->url}/there"]]],
            ['match' => ['path' => '/back', 'token' => ''], 'respond' => ['json' => ['ok' => true]]],
        ]);
        $stack = HandlerStack::create();
        $session = new Session(tokenUrl: "{$home->url}/token", tokens: new Tokens('AT-1', 'RT-1'), origins: [$home->url]);
        $stack->push(new Middleware($session));
        $own = ['X-Otp' => '1', 'DPoP' => '1', 'api_key' => '1', 'X-My-Jwt-Assertion' => '1', 'Accept-Language' => 'de'];
        (new Guzzle(['handler' => $stack]))->get("{$home->url}/data", ['headers' => $own]);
        foreach ([$other->control('GET', '/__log')[0], $home->control('GET', '/__log')[1]] as $seen) {
            $text = strtolower(json_encode($seen['headers'], JSON_THROW_ON_ERROR));
            self::assertStringContainsString('accept-language', $text);
            foreach (['x-otp', 'dpop', 'api_key', 'jwt', 'authorization'] as $name) {
                self::assertStringNotContainsString($name, $text);
            }
        }
    }

    /** What was read, or closed, is never silently empty. */
    public function testABodyThatWasJudgedIsReadAgainOrSaysThatItCannotBe(): void
    {
        $body = static function (int $length): ReadAgain {
            return new ReadAgain('beginning', new NoSeekStream(Utils::streamFor(str_repeat('x', $length))), null);
        };
        // All of it is here: as often as is wanted.
        $short = $body(0);
        self::assertSame(['beginning', 'beginning', 9], [(string) $short, (string) $short, $short->getSize()]);
        $long = $body(10);
        self::assertSame('beginningxxxxxxxxxx', (string) $long);
        self::assertThrowsRuntime(static fn (): string => (string) $long, 'comes once');
        self::assertThrowsRuntime(static fn () => $long->rewind(), 'read once');
        foreach ([0, 10] as $rest) {
            $closed = $body($rest);
            $closed->read(4);
            $closed->close();
            self::assertThrowsRuntime(static fn () => $closed->read(1), 'closed');
            self::assertThrowsRuntime(static fn () => $closed->getContents(), 'closed');
            self::assertThrowsRuntime(static fn () => (string) $closed, 'closed');
        }
        $broken = new ReadAgain('begin', Utils::streamFor(''), new RuntimeException('broke off'));
        self::assertSame('begin', $broken->read(9));
        self::assertThrowsRuntime(static fn () => $broken->read(1), 'broke off');
        self::assertThrowsRuntime(static fn () => (string) $broken, 'broke off');
    }

    private static function assertThrowsRuntime(Closure $what, string $words): void
    {
        try {
            $what();
        } catch (RuntimeException $error) {
            self::assertStringContainsString($words, $error->getMessage());
            return;
        }
        self::fail("nothing says: {$words}");
    }

    /** spec 2.11 */
    public function testARedirectToTheLoginPageIsNotFollowed(): void
    {
        $rule = ['status' => '3xx', 'location' => true, 'equals' => '/login', 'verdict' => 'expired', 'applied' => 'no'];
        $login = ['status' => 302, 'headers' => ['Location' => '/login?next=1']];
        $server = new TestServer();
        $server->play([
            ['match' => ['path' => '/data', 'token' => 'AT-1'], 'respond' => $login],
            ['match' => ['path' => '/token'], 'respond' => ['json' => ['access_token' => 'AT-2', 'refresh_token' => 'RT-2']]],
            ['match' => ['path' => '/data', 'token' => 'AT-2'], 'respond' => $login],
        ]);
        $dialect = ['api' => ['rules' => [$rule]]];
        $session = new Session($dialect, "{$server->url}/token", tokens: new Tokens('AT-1', 'RT-1'), origins: [$server->url]);
        $stack = HandlerStack::create();
        $stack->push(new Middleware($session));
        $response = (new Guzzle(['handler' => $stack, 'base_uri' => $server->url]))->get('/data');
        self::assertSame(302, $response->getStatusCode());
        self::assertSame('fresh_token_rejected', Judgement::of($response)?->replayRefused);
        self::assertSame([], $server->control('GET', '/__consumed')['complaints']);
    }

    /** spec 3.5 */
    public function testErrorsAreCaughtAsTheClientsOwn(): void
    {
        $session = new Session(tokenUrl: 'https://auth.example.com/token', origins: ['https://api.example.com']);
        $stack = HandlerStack::create();
        $stack->push(new Middleware($session));
        try {
            (new Guzzle(['handler' => $stack]))->get('https://api.example.com/data');
            self::fail('it went through');
        } catch (GuzzleException $error) {
            self::assertInstanceOf(LoginRequired::class, $error);
        }
        $this->expectException(TransportExceptionInterface::class);
        (new SignedHttpClient($session, new CurlHttpClient()))->request('GET', 'https://api.example.com/data');
    }

    public function testAnErrorStatusTellsTheVerdict(): void
    {
        $server = new TestServer();
        $challenge = ['WWW-Authenticate' => 'Bearer error="insufficient_scope", scope="write"'];
        $server->play([['match' => ['path' => '/data'], 'respond' => ['status' => 403, 'headers' => $challenge]]]);
        $session = new Session(tokenUrl: "{$server->url}/token", tokens: new Tokens('AT-1', 'RT-1'));
        try {
            (new Client($session, $server->url))->get('/data');
            self::fail('it went through');
        } catch (HttpStatus $error) {
            $judged = $error->response?->judgement();
            self::assertSame(['insufficient_scope', 'write'], [$judged?->verdict, $judged?->details['scope']]);
            self::assertStringContainsString('403 from ', $error->getMessage());
        }
    }

    /** A client's time limit bounds the wait for a refresh. */
    public function testGuzzlesTimeoutBoundsTheWaitForARefresh(): void
    {
        [$session, $silent] = self::stuck();
        $stack = HandlerStack::create();
        $stack->push(new Middleware($session));
        $this->expectException(Timeout::class);
        (new Guzzle(['handler' => $stack]))->get('https://api.example.com/data', ['timeout' => 0.2]);
    }

    public function testSymfonysDurationBoundsTheWaitForARefresh(): void
    {
        [$session, $silent] = self::stuck();
        $client = new SignedHttpClient($session, new CurlHttpClient());
        $this->expectException(Timeout::class);
        $client->request('GET', 'https://api.example.com/data', ['max_duration' => 0.2])->getStatusCode();
    }

    /**
     * With an endpoint that listens, and never answers.
     *
     * @return array{Session, resource}
     */
    private static function stuck(): array
    {
        $silent = stream_socket_server('tcp://127.0.0.1:0');
        self::assertIsResource($silent);
        $session = new Session(
            tokenUrl: 'http://' . stream_socket_get_name($silent, false) . '/token',
            tokens: new Tokens('AT-1', 'RT-1', expiresAt: new DateTimeImmutable('yesterday')),
            origins: ['https://api.example.com'],
            sendTimeout: 1.0,
        );
        return [$session, $silent];
    }

    private static function refreshedBy(Closure $refresh, ?string $rotation = null): RekindleException
    {
        $session = new Session(
            tokenUrl: 'https://auth.example.com/token',
            tokens: new Tokens('SECRET-1', 'SECRET-2'),
            refresh: static fn (RefreshInput $input): mixed => $refresh($input),
            rotation: $rotation,
        );
        try {
            $session->refresh();
        } catch (RekindleException $error) {
            return $error;
        }
        self::fail('it went through');
    }
}
