<?php

declare(strict_types=1);

namespace Rekindle\Bench;

use Closure;
use GuzzleHttp\Client as Guzzle;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Psr7\Request;
use Rekindle\Client;
use Rekindle\Guzzle\Middleware;
use Rekindle\Session;
use Rekindle\Tests\Servers;
use Rekindle\Tests\TestServer;
use Rekindle\Tokens;

/** What a valid token and a request cost, in this process's CPU. */
final class Speed
{
    private const ROUNDS = 15;

    private function __construct(private readonly TestServer $server, private readonly int $size)
    {
    }

    public static function rows(int $size): string
    {
        $server = new TestServer(['dialect' => 'oauth', 'rotation' => 'strict_family']);
        return (new self($server, $size))->measured();
    }

    private function measured(): string
    {
        $tokens = $this->server->signIn();
        $folder = Servers::folder('bench');
        ByHand::keep("{$folder}/tokens", $tokens);
        $session = new Session(
            tokenUrl: "{$this->server->url}/oauth/token",
            clientId: 'app',
            tokens: new Tokens($tokens['access_token'], $tokens['refresh_token'], 900),
            origins: [$this->server->url],
        );
        $header = ['Authorization' => "Bearer {$tokens['access_token']}"];
        $bare = self::guzzle(null);
        $client = new Client($session, $this->server->url);
        $through = extension_loaded('rekindle') ? 'extension' : 'FFI';
        $token = $this->inTurns([static fn () => $session->token()->value()], 10 * $this->size)[0];
        $text = sprintf("| `token()`, valid | %s | %.1f µs | |\n", $through, self::median($token));
        $plain = $this->sent($bare, $header);
        $text .= $this->ratios($through, 'Guzzle alone', $plain, [
            'Guzzle middleware, by hand' => $this->sent(self::guzzle(new ByHand($this->server->url, "{$folder}/tokens"))),
            '`Rekindle\Guzzle\Middleware`' => $this->sent(self::guzzle(new Middleware($session))),
            '`Session::client`, PSR-18' => $this->sent($session->client($bare)),
        ]);
        $text .= $this->ratios($through, 'curl alone', fn () => $this->curl($header), [
            '`Rekindle\Client`' => static fn () => $client->get('/data'),
        ]);
        exec('rm -rf ' . escapeshellarg($folder));
        return $text;
    }

    /** @param array<string, Closure> $sides */
    private function ratios(string $through, string $name, Closure $base, array $sides): string
    {
        $costs = $this->inTurns([$base, ...array_values($sides)], $this->size);
        $text = '';
        foreach (array_keys($sides) as $at => $side) {
            $ratio = self::median(array_map(static fn (float $cost, float $of): float => $cost / $of, $costs[$at + 1], $costs[0]));
            $each = sprintf('%.0f µs each, to %.0f µs', self::median($costs[$at + 1]), self::median($costs[0]));
            $text .= sprintf("| %s: CPU of a request to %s | %s | %.2f× | %s |\n", $side, $name, $through, $ratio, $each);
        }
        return $text;
    }

    /**
     * Microseconds of CPU for one call, of each side in each round.
     *
     * @param list<Closure> $sides
     * @return list<list<float>>
     */
    private function inTurns(array $sides, int $calls): array
    {
        $costs = array_fill(0, count($sides), []);
        for ($round = 0; $round <= self::ROUNDS; $round++) {
            foreach ($sides as $at => $once) {
                $before = self::used();
                for ($left = $calls; $left > 0; $left--) {
                    $once();
                }
                // The first round opens connections.
                $round === 0 || $costs[$at][] = (self::used() - $before) / $calls;
            }
        }
        return $costs;
    }

    /** @param array<string, string> $header */
    private function sent(Guzzle|\Rekindle\Http\SignedClient $client, array $header = []): Closure
    {
        return fn () => $client->sendRequest(new Request('GET', "{$this->server->url}/data", $header));
    }

    /** @param array<string, string> $header */
    private function curl(array $header): void
    {
        $handle = curl_init("{$this->server->url}/data");
        curl_setopt_array($handle, [CURLOPT_RETURNTRANSFER => true, CURLOPT_HTTPHEADER => ["Authorization: {$header['Authorization']}"]]);
        json_decode((string) curl_exec($handle), true);
    }

    private static function guzzle(?callable $middleware): Guzzle
    {
        $stack = HandlerStack::create();
        $middleware === null || $stack->push($middleware);
        return new Guzzle(['handler' => $stack]);
    }

    private static function used(): float
    {
        $of = getrusage();
        return 1e6 * ($of['ru_utime.tv_sec'] + $of['ru_stime.tv_sec']) + $of['ru_utime.tv_usec'] + $of['ru_stime.tv_usec'];
    }

    /** @param list<float> $values */
    private static function median(array $values): float
    {
        sort($values);
        return $values[intdiv(count($values), 2)];
    }
}
