<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use GuzzleHttp\Client as Guzzle;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Psr7\Request;
use PHPUnit\Framework\TestCase;
use Rekindle\Client;
use Rekindle\Exception\ClientRejected;
use Rekindle\Exception\InvalidConfig;
use Rekindle\Exception\Misuse;
use Rekindle\Exception\System;
use Rekindle\Guzzle\Middleware;
use Rekindle\Session;
use Rekindle\SigningKey;
use Rekindle\SignInOptions;
use Rekindle\Store\FileStore;
use Rekindle\Symfony\SignedHttpClient;
use Rekindle\Tokens;
use RuntimeException;
use Symfony\Component\HttpClient\CurlHttpClient;

/** Keys that sign, at oidc-provider, which requires a nonce in every DPoP proof. */
final class KeysTest extends TestCase
{
    private static ?OidcProvider $provider = null;
    private static ?SigningKey $clientKey = null;

    public static function tearDownAfterClass(): void
    {
        self::$provider = null;
    }

    /** spec 5.5 */
    public function testAClientAuthenticatesWithItsKey(): void
    {
        $session = $this->session('signed', ['clientKey' => self::clientKey(), 'tokens' => $this->minted('signed')]);
        $session->invalidate();
        self::assertSame('kept alive', (new Client($session, self::provider()->url))->get('/api/data')['data']);
        $own = $this->session('signed', ['clientKey' => self::clientKey(), 'clientCredentials' => []]);
        self::assertSame('kept alive', (new Client($own, self::provider()->url))->get('/api/data')['data']);
        [$other] = SigningKey::generate();
        $this->expectException(ClientRejected::class);
        $this->session('signed', ['clientKey' => $other, 'tokens' => $this->minted('signed')])->refresh();
    }

    /** spec 9.4 */
    public function testTokensAreBoundToAKeyThroughEveryClient(): void
    {
        [$key] = SigningKey::generate();
        $session = $this->session('pub', ['dpopKey' => $key, 'tokens' => $this->minted('pub', $key)]);
        $session->invalidate();
        $before = self::provider()->stats()['refreshes'];
        $url = self::provider()->url;
        $stack = HandlerStack::create();
        $stack->push(new Middleware($session));
        self::assertSame('ann', (new Client($session, $url))->get('/me')['sub']);
        self::assertSame(200, $session->client(new Guzzle())->sendRequest(new Request('GET', "{$url}/me"))->getStatusCode());
        self::assertSame(200, (new Guzzle(['handler' => $stack]))->get("{$url}/me")->getStatusCode());
        self::assertSame(200, (new SignedHttpClient($session, new CurlHttpClient()))->request('GET', "{$url}/me")->getStatusCode());
        self::assertSame($before + 1, self::provider()->stats()['refreshes']);
        $token = $session->token();
        self::assertStringStartsWith('DPoP ', $token->authorization());
        // Without the key the token is of no use.
        $stolen = (new Guzzle(['http_errors' => false]))->get("{$url}/me", ['headers' => ['Authorization' => "Bearer {$token->value()}"]]);
        self::assertSame(401, $stolen->getStatusCode());
    }

    /** spec 12.12 */
    public function testAUserSignsInToTokensThatAreBoundToAKey(): void
    {
        [$key] = SigningKey::generate();
        $url = self::provider()->url;
        $callback = 'http://127.0.0.1:49152/callback';
        $session = $this->session('pub', ['dpopKey' => $key, 'authorizationUrl' => "{$url}/auth"]);
        $begun = $session->beginSignIn(new SignInOptions($callback, 'openid offline_access', prompt: 'consent'));
        self::assertStringContainsString('dpop_jkt=' . $key->thumbprint(), $begun->url);
        $session->finishSignIn($begun->pending(), (string) self::provider()->person($begun->url));
        self::assertSame('ann', (new Client($session, $url))->get('/me')['sub']);
        $session->invalidate();
        self::assertSame('ann', (new Client($session, $url))->get('/me')['sub']);
    }

    /** spec 4.2 */
    public function testSessionsThatShareAStateMayEachReadTheirKey(): void
    {
        [$key, $pem] = SigningKey::generate();
        $folder = Servers::folder('keys');
        $tokens = $this->minted('pub', $key);
        $session = fn (): Session => $this->session('pub', [
            'dpopKey' => SigningKey::fromPem($pem), 'tokens' => $tokens, 'store' => new FileStore("{$folder}/session.json"),
        ]);
        $first = $session();
        $second = $session();
        $url = self::provider()->url;
        self::assertSame('ann', (new Client($second, $url))->get('/me')['sub']);
        // What the first one began goes on without it.
        unset($first);
        $second->invalidate();
        self::assertSame('ann', (new Client($second, $url))->get('/me')['sub']);
        exec('rm -rf ' . escapeshellarg($folder));
    }

    public function testAKeyThatCannotSignIsAnErrorThatSaysSoAndNothingWasSent(): void
    {
        [$key] = SigningKey::generate();
        $broken = SigningKey::elsewhere($key->jwk(), static fn (): string => throw new RuntimeException('the card was taken out'));
        $session = $this->session('pub', ['dpopKey' => $broken, 'tokens' => $this->minted('pub', $key, 300)]);
        $before = self::provider()->stats();
        try {
            (new Client($session, self::provider()->url))->get('/me');
            self::fail('it was signed');
        } catch (System $error) {
            self::assertStringContainsString('the key could not sign (RuntimeException)', $error->getMessage());
            self::assertSame('the card was taken out', $error->getPrevious()?->getMessage());
        }
        $session->invalidate();
        try {
            $session->token();
            self::fail('it was signed');
        } catch (\Rekindle\Exception\RekindleException $error) {
            self::assertStringContainsString('the key could not sign (RuntimeException)', $error->getMessage());
        }
        self::assertSame($before, self::provider()->stats());
    }

    /** @return iterable<string, array{string}> */
    public static function kinds(): iterable
    {
        foreach (['EC -pkeyopt ec_paramgen_curve:P-256', 'RSA -pkeyopt rsa_keygen_bits:2048', 'ED25519'] as $kind) {
            yield strtok($kind, ' ') => [$kind];
        }
    }

    /**
     * spec 9.4
     *
     * @dataProvider kinds
     */
    public function testEveryKindOfKeySignsAndNoneShowsItself(string $kind): void
    {
        $pem = (string) shell_exec("openssl genpkey -algorithm {$kind} 2>/dev/null");
        $key = SigningKey::fromPem($pem, keyId: 'k1');
        self::assertSame('k1', $key->jwk()['kid']);
        for ($times = 0; $times < 50; $times++) {
            // Numbers with leading zeros are rare.
            [$header, $claims, $signature] = explode('.', $key->complete('eyJ4.eyJ5.' . $key->toCore()['stand_in']));
            $bytes = (string) base64_decode(strtr($signature, '-_', '+/'));
            self::assertTrue(self::isSigned($pem, "{$header}.{$claims}", $bytes));
        }
        $shown = print_r($key, true) . var_export($key, true) . json_encode($key);
        self::assertStringNotContainsString($key->toCore()['stand_in'], $shown);
        self::assertStringNotContainsString('"d"', $shown);
        $this->expectException(Misuse::class);
        serialize($key);
    }

    /** The example of RFC 7638. */
    public function testAThumbprintIsTheOneOfTheStandard(): void
    {
        $n = '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB'
            . 'ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8'
            . 'KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_'
            . 'xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
        $jwk = ['kty' => 'RSA', 'n' => $n, 'e' => 'AQAB', 'alg' => 'RS256', 'kid' => '2011-04-29'];
        $key = SigningKey::elsewhere($jwk, strrev(...));
        self::assertSame('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs', $key->thumbprint());
    }

    /** @return iterable<string, array{string}> */
    public static function noKeys(): iterable
    {
        yield 'nonsense' => ['no key'];
        yield 'a public key' => [(string) shell_exec('openssl genpkey -algorithm ED25519 2>/dev/null | openssl pkey -pubout')];
        yield 'another curve' => [(string) shell_exec('openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 2>/dev/null')];
        yield 'a passphrase' => [(string) shell_exec('openssl genpkey -algorithm ED25519 -aes256 -pass pass:x 2>/dev/null')];
        yield 'a file' => ['file://' . __FILE__];
    }

    /** @dataProvider noKeys */
    public function testWhatIsNoKeyIsRefused(string $pem): void
    {
        $this->expectException(InvalidConfig::class);
        $this->expectExceptionMessage('openssl pkcs8');
        SigningKey::fromPem($pem);
    }

    public function testAPrivateHalfDoesNotCross(): void
    {
        [$key] = SigningKey::generate();
        $private = SigningKey::elsewhere(['d' => 'nWGxne'] + $key->jwk(), strrev(...));
        $this->expectException(InvalidConfig::class);
        new Session(tokenUrl: 'https://auth.example.com/token', dpopKey: $private);
    }

    private static function isSigned(string $pem, string $message, string $signature): bool
    {
        if (strlen($signature) !== 64) {
            $details = openssl_pkey_get_details(openssl_pkey_get_private($pem) ?: throw new RuntimeException('no key'));
            return openssl_verify($message, $signature, $details['key'] ?? '', OPENSSL_ALGO_SHA256) === 1;
        }
        $der = (string) base64_decode((string) preg_replace('/-----[A-Z ]+-----/', '', $pem));
        if (strlen($der) === 48) {
            $pair = sodium_crypto_sign_seed_keypair(substr($der, 16));
            return sodium_crypto_sign_verify_detached($signature, $message, sodium_crypto_sign_publickey($pair));
        }
        $number = static function (string $bytes): string {
            $bytes = ltrim($bytes, "\0");
            $bytes = ord($bytes[0]) >= 0x80 ? "\0{$bytes}" : $bytes;
            return "\x02" . chr(strlen($bytes)) . $bytes;
        };
        $both = $number(substr($signature, 0, 32)) . $number(substr($signature, 32));
        $details = openssl_pkey_get_details(openssl_pkey_get_private($pem) ?: throw new RuntimeException('no key'));
        return openssl_verify($message, "\x30" . chr(strlen($both)) . $both, $details['key'] ?? '', OPENSSL_ALGO_SHA256) === 1;
    }

    /** A pair without a browser, whose access token has expired unless it has a life. */
    private function minted(string $client, ?SigningKey $key = null, int $life = 0): Tokens
    {
        $bound = $key === null ? '' : "&jkt={$key->thumbprint()}";
        $text = (string) file_get_contents(self::provider()->url . "/mint?client={$client}&expires_in={$life}{$bound}");
        $pair = json_decode($text, true, 512, JSON_THROW_ON_ERROR);
        return new Tokens($pair['access_token'], $pair['refresh_token'], tokenType: $pair['token_type']);
    }

    /** @param array<string, mixed> $more */
    private function session(string $clientId, array $more): Session
    {
        $url = self::provider()->url;
        return new Session(...$more + ['tokenUrl' => "{$url}/token", 'clientId' => $clientId, 'origins' => [$url]]);
    }

    private static function clientKey(): SigningKey
    {
        return self::$clientKey ??= SigningKey::generate()[0];
    }

    private static function provider(): OidcProvider
    {
        return self::$provider ??= new OidcProvider(['IDP_CLIENT_JWK' => json_encode(self::clientKey()->jwk(), JSON_THROW_ON_ERROR)]);
    }
}
