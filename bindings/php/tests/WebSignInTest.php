<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PHPUnit\Framework\TestCase;
use Rekindle\Exception\Misuse;
use Rekindle\Session;
use Rekindle\WebSignIn;

/** Signing in within a web application: each page is a request of its own, with PHP's session between them. */
final class WebSignInTest extends TestCase
{
    /** spec 12.5 */
    public function testAUserOfAWebApplicationSignsInAndALaterRequestIsAnswered(): void
    {
        $provider = new OidcProvider();
        [$application, $stop] = $this->application($provider);
        try {
            [, $headers] = self::load("{$application}/sign-in");
            $cookie = (string) self::header($headers, 'set-cookie');
            $callback = (string) $provider->person((string) self::header($headers, 'location'));
            $back = $application . substr($callback, strlen('http://127.0.0.1'));
            // Another browser has no part in it.
            [$status, , $page] = self::load($back);
            self::assertSame([400, true], [$status, str_contains($page, 'started in another browser')]);
            $before = $provider->stats()['token_requests'];
            [$status, $headers] = self::load($back, $cookie);
            self::assertSame([302, '/settings'], [$status, self::header($headers, 'location')]);
            $signedIn = (string) self::header($headers, 'set-cookie');
            self::assertNotSame($cookie, $signedIn);
            // What is loaded twice sends nothing.
            self::assertSame(400, self::load($back, $signedIn)[0]);
            self::assertSame($before + 1, $provider->stats()['token_requests']);
            self::assertSame('{"data":"kept alive"}', self::load("{$application}/settings", $signedIn)[2]);
        } finally {
            $stop();
        }
    }

    public function testWithoutASessionOfPhpsItSaysSo(): void
    {
        $auth = 'https://auth.example.com';
        $session = new Session(tokenUrl: "{$auth}/token", authorizationUrl: "{$auth}/authorize", clientId: 'app');
        $this->expectException(Misuse::class);
        $this->expectExceptionMessage('session_start()');
        (new WebSignIn($session, 'https://app.example.com/callback'))->begin();
    }

    /** @return array{string, \Closure(): void} its address, and what ends it */
    private function application(OidcProvider $provider): array
    {
        $folder = Servers::folder('web-sign-in');
        $address = '127.0.0.1:' . Servers::freePort();
        $ffi = Servers::needsFfi() ? ['-d', 'ffi.enable=1'] : [];
        $log = ['file', "{$folder}/log", 'a'];
        $environment = ['SERVER' => $provider->url, 'FOLDER' => $folder] + getenv();
        $command = [PHP_BINARY, ...$ffi, '-S', $address, __DIR__ . '/Workers/web.php'];
        $process = proc_open($command, [['pipe', 'r'], $log, $log], $pipes, null, $environment);
        self::assertIsResource($process);
        Servers::until(static fn (): bool => @stream_socket_client("tcp://{$address}") !== false, \RuntimeException::class);
        return ["http://{$address}", static function () use ($process, $folder): void {
            proc_terminate($process);
            proc_close($process);
            exec('rm -rf ' . escapeshellarg($folder));
        }];
    }

    /** @return array{int, list<string>, string} status, headers, body */
    private static function load(string $url, string $cookie = ''): array
    {
        $headers = [];
        $handle = curl_init($url);
        curl_setopt_array($handle, [
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_COOKIE => $cookie,
            CURLOPT_HEADERFUNCTION => static function ($handle, string $line) use (&$headers): int {
                $headers[] = trim($line);
                return strlen($line);
            },
        ]);
        $page = (string) curl_exec($handle);
        return [curl_getinfo($handle, CURLINFO_RESPONSE_CODE), $headers, $page];
    }

    /**
     * The last one of that name, without its attributes.
     *
     * @param list<string> $headers
     */
    private static function header(array $headers, string $name): ?string
    {
        $found = array_filter($headers, static fn (string $line): bool => stripos($line, "{$name}:") === 0);
        return $found === [] ? null : explode(';', trim(substr((string) end($found), strlen($name) + 1)))[0];
    }
}
