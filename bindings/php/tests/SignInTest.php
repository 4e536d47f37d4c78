<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PHPUnit\Framework\TestCase;
use Rekindle\Client;
use Rekindle\DeviceCode;
use Rekindle\Exception\HttpStatus;
use Rekindle\Exception\InvalidConfig;
use Rekindle\Exception\InvalidResponse;
use Rekindle\Exception\LoginRequired;
use Rekindle\Exception\Misuse;
use Rekindle\Exception\RefreshTokenDead;
use Rekindle\Exception\SignedOut;
use Rekindle\Exception\Timeout;
use Rekindle\Session;
use Rekindle\SignIn;
use Rekindle\SignInOptions;
use Rekindle\Store\FileStore;
use Rekindle\Store\MemoryStore;
use Rekindle\Token;
use Rekindle\Tokens;
use RuntimeException;

/** Signing in at oidc-provider. */
final class SignInTest extends TestCase
{
    private const CALLBACK = 'http://127.0.0.1:49152/callback';

    private static ?OidcProvider $provider = null;

    public static function tearDownAfterClass(): void
    {
        self::$provider = null;
    }

    /** spec 12.8 */
    public function testAUserSignsInWithABrowserOfThisMachineCallsTheApiIsRefreshedAndSignedOut(): void
    {
        $on = $this->session();
        $before = self::provider()->stats()['refreshes'];
        $on->signInWithBrowser($this->asked(), $this->browser($person, $pipes));
        $saw = json_decode((string) stream_get_contents($pipes[1]), true, 512, JSON_THROW_ON_ERROR);
        proc_close($person);
        self::assertMatchesRegularExpression('/ 200 .*You can close this window/s', $saw['page']);
        self::assertStringContainsString(' 400 ', $saw['guessed']);
        self::assertStringContainsString(' 404 ', $saw['elsewhere']);
        // Nobody listens there any more.
        self::assertFalse(@file_get_contents($saw['callback']));
        self::assertTrue($this->isAnswered($on));
        $on->invalidate();
        self::assertTrue($this->isAnswered($on));
        self::assertSame($before + 1, self::provider()->stats()['refreshes']);
        self::assertTrue($on->signOut(revoke: true));
        $this->expectException(SignedOut::class);
        $on->token();
    }

    /** spec 12.5 */
    public function testACallbackThatIsLoadedTwiceCostsNothing(): void
    {
        $begun = $this->session()->beginSignIn($this->asked(redirectUri: self::CALLBACK, returnTo: '/settings'));
        $callback = (string) self::provider()->person($begun->url);
        $before = self::provider()->stats()['token_requests'];
        // Another session finishes it: what is pending may have been kept elsewhere.
        $on = $this->session();
        self::assertSame('/settings', $on->finishSignIn($begun->pending(), $callback));
        try {
            $on->finishSignIn($begun->pending(), $callback);
            self::fail('a code was sent twice');
        } catch (Misuse) {
        }
        self::assertSame($before + 1, self::provider()->stats()['token_requests']);
        self::assertTrue($this->isAnswered($on));
    }

    /** spec 12.3 */
    public function testACallbackOfAnotherSignInIsRefusedAndNothingIsSent(): void
    {
        $on = $this->session();
        $begun = $on->beginSignIn($this->asked(redirectUri: self::CALLBACK));
        $before = self::provider()->stats()['token_requests'];
        foreach (
            [
                InvalidResponse::class => [$begun->pending(), self::CALLBACK . '?code=theirs&state=guessed'],
                InvalidConfig::class => ['{}', self::CALLBACK],
            ] as $expected => $given
        ) {
            try {
                $on->finishSignIn(...$given);
                self::fail('it was taken');
            } catch (InvalidResponse | InvalidConfig $error) {
                self::assertInstanceOf($expected, $error);
            }
        }
        self::assertSame($before, self::provider()->stats()['token_requests']);
    }

    /** spec 12.10 */
    public function testACodeIsTypedInOnAnotherDevice(): void
    {
        $on = $this->session();
        $shown = 0;
        $on->signInWithDevice(static function (DeviceCode $code) use (&$shown): void {
            $shown++;
            self::assertStringContainsString($code->userCode, (string) $code->verificationUriComplete);
            self::assertNull(self::provider()->person((string) $code->verificationUriComplete));
        }, new SignInOptions(scope: 'openid offline_access'));
        self::assertSame(1, $shown);
        self::assertTrue($this->isAnswered($on));
    }

    public function testWhatTheUserIsNotShownEndsTheSignIn(): void
    {
        $on = $this->session();
        $lost = new RuntimeException('no screen');
        $throw = static fn (): never => throw $lost;
        foreach ([fn () => $on->signInWithDevice($throw), fn () => $on->signInWithBrowser($this->asked(), $throw)] as $signIn) {
            try {
                $signIn();
                self::fail('nobody was shown anything');
            } catch (RuntimeException $error) {
                self::assertSame($lost, $error);
            }
        }
        // Nothing is left under way.
        self::assertTrue($on->shutdown());
    }

    /** spec 12.8 */
    public function testWhoTakesTooLongLeavesNoPortOpen(): void
    {
        $place = '';
        $open = static function (string $url) use (&$place): void {
            parse_str((string) parse_url($url, PHP_URL_QUERY), $asked);
            $place = (string) $asked['redirect_uri'];
        };
        try {
            // Its address tells everything: nothing is pushed to a server beforehand.
            $auth = 'https://auth.example.com';
            $on = new Session(authorizationUrl: "{$auth}/authorize", tokenUrl: "{$auth}/token", clientId: 'app', alone: true);
            $on->signInWithBrowser($this->asked(), $open, 0.01);
            self::fail('nobody came');
        } catch (Timeout $error) {
            self::assertStringContainsString('the browser did not return', $error->getMessage());
        }
        self::assertFalse(@stream_socket_client(str_replace(['http:', '/callback'], ['tcp:', ''], $place)));
    }

    /** spec 12.11 */
    public function testANameAndAPasswordSignInWhereTheDialectHasThem(): void
    {
        $server = new TestServer();
        $server->play([
            [
                'match' => ['path' => '/api/token/', 'body_contains' => 'SECRET-1'],
                'respond' => ['json' => ['access' => 'AT-1', 'refresh' => 'RT-1']],
            ],
        ]);
        $on = new Session('simplejwt', variables: ['base_url' => $server->url], alone: true);
        $on->signInWithPassword('ada', 'SECRET-1');
        self::assertSame('AT-1', $on->token()->value());
        $this->expectException(InvalidConfig::class);
        $this->session()->signInWithPassword('ada', 'SECRET-1');
    }

    public function testAnotherTokenOrAnAssertionSignsIn(): void
    {
        foreach (
            [
                'token-exchange' => static fn (Session $on) => $on->signInByTokenExchange('T', audience: 'api'),
                'jwt-bearer' => static fn (Session $on) => $on->signInByAssertion('a.b.c'),
            ] as $grant => $signIn
        ) {
            $server = new TestServer();
            $match = ['path' => '/token', 'body_contains' => $grant];
            $server->play([['match' => $match, 'respond' => ['json' => ['access_token' => 'AT-1']]]]);
            $on = new Session(tokenUrl: "{$server->url}/token", clientId: 'app', alone: true);
            $signIn($on);
            self::assertSame('AT-1', $on->token()->value());
        }
    }

    public function testFromAClientIdToAnAnsweredRequestAndAStoreThatHoldsTheSignInAsksNobody(): void
    {
        $url = self::provider()->url;
        $options = ['clientId' => 'pub', 'scope' => 'openid offline_access', 'origins' => [$url], 'store' => new MemoryStore('minute')];
        $session = SignIn::at($url, ...$options, ...['open' => $this->browser($person, $pipes)]);
        self::assertTrue($this->isAnswered($session));
        proc_close($person);
        $nobody = static fn (): never => self::fail('nobody is asked');
        self::assertTrue($this->isAnswered(SignIn::at($url, ...$options, ...['open' => $nobody])));
    }

    /** spec 12.16 */
    public function testAnMcpServerIsSignedInToFromItsAddress(): void
    {
        $api = self::provider()->url . '/mcp';
        $session = SignIn::to($api, clientName: 'notes', open: $this->browser($person, $pipes));
        proc_close($person);
        $answer = (new Client($session, self::provider()->url))->get('/mcp');
        self::assertSame('ann', $answer['result']['user']);
    }

    /** spec 12.18 */
    public function testASecondStartUsesTheKeptRegistrationAndAsksNobody(): void
    {
        $server = self::provider()->url;
        $folder = Servers::folder('mcp');
        $before = self::registrations($server);
        // Another process has a store object of its own.
        $signIn = static function (callable $open) use ($server, $folder): Session {
            $store = new FileStore("{$folder}/mcp.json");
            return SignIn::to("{$server}/mcp", clientName: 'notes', store: $store, open: $open, alone: true);
        };
        self::assertTrue($signIn($this->browser($person, $pipes))->shutdown());
        proc_close($person);
        $again = $signIn(static fn (): never => self::fail('nobody is asked'));
        self::assertSame('ann', (new Client($again, $server))->get('/mcp')['result']['user']);
        self::assertSame(1, self::registrations($server) - $before);
        self::assertFileExists("{$folder}/mcp.json.client");
        exec('rm -rf ' . escapeshellarg($folder));
    }

    private static function registrations(string $server): int
    {
        return json_decode((string) file_get_contents("{$server}/stats"), true)['registrations'];
    }

    /** The lines that README shows first, with a server's address in place of its own. */
    public function testTheMinuteOfTheReadme(): void
    {
        preg_match('/```php\n(.*?)```/s', (string) file_get_contents(dirname(__DIR__) . '/README.md'), $found);
        $lines = explode("\n", trim($found[1]));
        self::assertLessThanOrEqual(3, count($lines));
        $server = self::provider()->url;
        $places = ["'https://accounts.example.com'", "'https://api.example.com'", "'app'", '/users'];
        $program = str_replace($places, ["'{$server}'", "'{$server}'", "'pub'", '/api/data'], $found[1]);
        $folder = Servers::folder('minute');
        file_put_contents("{$folder}/minute.php", '<?php require ' . var_export(__DIR__ . '/bootstrap.php', true) . ";\n{$program}");
        $person = escapeshellarg(PHP_BINARY) . ' ' . escapeshellarg(__DIR__ . '/Workers/person.php');
        file_put_contents("{$folder}/browser", "#!/bin/sh\nexec {$person} \"\$1\"\n");
        chmod("{$folder}/browser", 0o700);
        $environment = ['BROWSER' => "{$folder}/browser", 'SERVER' => $server] + getenv();
        $process = proc_open([PHP_BINARY, "{$folder}/minute.php"], [1 => ['pipe', 'w']], $pipes, env_vars: $environment);
        self::assertIsResource($process);
        self::assertStringContainsString('[data] => kept alive', (string) stream_get_contents($pipes[1]));
        proc_close($process);
        exec('rm -rf ' . escapeshellarg($folder));
    }

    /** spec 12.13 */
    public function testACallWaitsForALoginHandlerAndGoesOn(): void
    {
        $asked = 0;
        $on = $this->session(login: function (Session $session) use (&$asked): void {
            $asked++;
            $session->signIn(new Tokens(...$this->minted()));
        });
        self::assertTrue($this->isAnswered($on));
        self::assertTrue($this->isAnswered($on));
        self::assertSame(1, $asked);
    }

    /** spec 12.13 */
    public function testTokensThatALoginHandlerGivesAreTaken(): void
    {
        $on = $this->session(login: static fn (): Tokens => new Tokens('AT-1', 'RT-1'));
        self::assertSame('AT-1', $on->token()->value());
    }

    /** spec 12.13 */
    public function testWhatALoginHandlerThrowsIsTheErrorsCauseAndItIsNotAskedAgainAtOnce(): void
    {
        $asked = 0;
        $failure = new RuntimeException('SECRET-token-in-a-message');
        $on = $this->session(login: static function () use (&$asked, $failure): never {
            $asked++;
            throw $failure;
        });
        for ($tries = 0; $tries < 2; $tries++) {
            try {
                $on->token();
                self::fail('nobody signed in');
            } catch (Misuse $error) {
                self::assertSame($failure, $error->getPrevious());
                self::assertStringContainsString('the login handler threw RuntimeException', $error->getMessage());
            }
        }
        self::assertSame(1, $asked);
    }

    /** spec 12.13 */
    public function testALoginHandlerThatAsksItsOwnSessionForATokenIsToldAtOnce(): void
    {
        $on = $this->session(login: static fn (Session $session): Token => $session->refresh());
        try {
            $on->token();
            self::fail('it went on');
        } catch (Misuse $error) {
            self::assertStringContainsString('would wait for itself', $error->getMessage());
        }
    }

    public function testASessionWithALoginHandlerIsCollected(): void
    {
        $on = $this->session(login: static fn (): Tokens => new Tokens('AT-1'));
        $weak = \WeakReference::create($on);
        unset($on);
        self::assertNull($weak->get());
    }

    public function testWithoutAHandlerLoginIsRequired(): void
    {
        $this->expectException(LoginRequired::class);
        $this->session()->token();
    }

    /** @return array{string, string} an access token and a refresh token of the server's */
    private function minted(): array
    {
        $minted = json_decode((string) file_get_contents(self::provider()->url . '/mint'), true, 512, JSON_THROW_ON_ERROR);
        return [$minted['access_token'], $minted['refresh_token']];
    }

    private static function provider(): OidcProvider
    {
        return self::$provider ??= new OidcProvider();
    }

    private function session(?callable $login = null): Session
    {
        $url = self::provider()->url;
        return new Session(server: Session::discover($url), clientId: 'pub', origins: [$url], login: $login, alone: true);
    }

    private function asked(?string $redirectUri = null, ?string $returnTo = null): SignInOptions
    {
        return new SignInOptions(redirectUri: $redirectUri, scope: 'openid offline_access', prompt: 'consent', returnTo: $returnTo);
    }

    /**
     * A browser with a person, beside this process.
     *
     * @param resource $person
     * @param array<int, resource> $pipes
     */
    private function browser(mixed &$person, ?array &$pipes): \Closure
    {
        return static function (string $url) use (&$person, &$pipes): void {
            $command = [PHP_BINARY, __DIR__ . '/Workers/person.php', $url];
            $person = proc_open($command, [1 => ['pipe', 'w']], $pipes, env_vars: ['SERVER' => self::provider()->url] + getenv());
        };
    }

    private function isAnswered(Session $on): bool
    {
        try {
            (new Client($on, self::provider()->url))->get('/api/data');
            return true;
        } catch (HttpStatus) {
            return false;
        }
    }
}
