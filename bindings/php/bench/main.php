<?php

declare(strict_types=1);

// The package beside Guzzle alone and beside a middleware that is written by hand: what each does where it is hard, and what it costs.
// `cargo xtask bench php`; `--quick`: a tenth of the rounds.

use GuzzleHttp\Client;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Psr7\Request;
use Rekindle\Bench\ByHand;
use Rekindle\Guzzle\Middleware;
use Rekindle\Session;
use Rekindle\Tests\Servers;
use Rekindle\Tests\TestServer;
use Rekindle\Tokens;

require_once dirname(__DIR__) . '/tests/bootstrap.php';
require_once __DIR__ . '/ByHand.php';

$through = extension_loaded('rekindle') ? 'extension' : 'FFI';
$rounds = in_array('--quick', $argv, true) ? 100 : 1_000;
$folder = Servers::folder('bench');
register_shutdown_function(static fn () => exec('rm -rf ' . escapeshellarg($folder)));

/** A server on which a refresh token that comes twice ends the sign-in, and a sign-in on it. */
$start = static function (): array {
    $server = new TestServer(['dialect' => 'oauth', 'rotation' => 'strict_family', 'token_latency_ms' => 50]);
    return [$server, $server->signIn()];
};

/** Sixteen processes ask at once: how many are answered, how often the tokens were refreshed, whether the sign-in is lost. */
$sixteen = static function (string $program, string $before) use ($start, $folder): string {
    [$server, $tokens] = $start();
    $store = "{$folder}/" . bin2hex(random_bytes(4));
    ByHand::keep("{$store}.by-hand", $tokens);
    $place = $program === 'by_hand.php' ? "{$store}.by-hand" : $store;
    $server->control('POST', $before);
    $case = json_encode(['url' => $server->url, 'store' => "file {$place}"] + $tokens, JSON_THROW_ON_ERROR);
    $path = $program === 'by_hand.php' ? __DIR__ : dirname(__DIR__) . '/tests/Workers';
    $children = [];
    foreach (range(1, 16) as $_) {
        $output = [1 => ['pipe', 'w'], 2 => ['file', '/dev/null', 'w']];
        $children[] = [proc_open([PHP_BINARY, "{$path}/{$program}", $case], $output, $pipes), $pipes[1]];
    }
    $answers = array_map(static fn (array $child): string => (string) stream_get_contents($child[1]), $children);
    array_map(static fn (array $child): int => proc_close($child[0]), $children);
    $answered = count(array_keys($answers, '200', true));
    $counters = $server->counters();
    $lost = $counters['reuses_detected'] > 0 ? ', the sign-in is lost' : '';
    return "{$answered} of 16 answered, {$counters['refreshes']} refreshes{$lost}";
};
foreach (['rekindle' => 'answer.php', 'by hand' => 'by_hand.php'] as $name => $program) {
    printf("%-42s %-24s %s\n", '16 processes, token revoked early', $name, $sixteen($program, '/__expire_all'));
}

/** Microseconds of the processor's time for one round, the best of five. */
$cost = static function (callable $once) use ($rounds): float {
    $used = static fn (array $of): float => 1e6 * ($of['ru_utime.tv_sec'] + $of['ru_stime.tv_sec'])
        + $of['ru_utime.tv_usec'] + $of['ru_stime.tv_usec'];
    $best = INF;
    for ($try = 0; $try < 5; $try++) {
        $before = $used(getrusage());
        for ($left = $rounds; $left > 0; $left--) {
            $once();
        }
        $best = min($best, ($used(getrusage()) - $before) / $rounds);
    }
    return $best;
};
[$server, $tokens] = $start();
$session = new Session(
    tokenUrl: "{$server->url}/oauth/token",
    clientId: 'app',
    tokens: new Tokens($tokens['access_token'], $tokens['refresh_token'], 900),
    origins: [$server->url],
);
ByHand::keep("{$folder}/tokens", $tokens);
$with = static function (?callable $middleware): Client {
    $stack = HandlerStack::create();
    $middleware === null || $stack->push($middleware);
    return new Client(['handler' => $stack]);
};
$bare = $with(null);
$header = ['Authorization' => "Bearer {$tokens['access_token']}"];
$ours = $with(new Middleware($session));
$byHand = $with(new ByHand($server->url, "{$folder}/tokens"));
$psr = $session->client($bare);
$url = "{$server->url}/data";
$lines = [
    'a valid token' => static fn () => $session->token()->value(),
    'a request, Guzzle alone' => static fn () => $bare->sendRequest(new Request('GET', $url, $header)),
    'a request, by hand' => static fn () => $byHand->sendRequest(new Request('GET', $url)),
    'a request, Guzzle middleware' => static fn () => $ours->sendRequest(new Request('GET', $url)),
    'a request, PSR-18' => static fn () => $psr->sendRequest(new Request('GET', $url)),
];
foreach ($lines as $what => $once) {
    printf("%-42s %-24s %8.1f us of the processor's time\n", $what, $through, $cost($once));
}
