<?php

declare(strict_types=1);

namespace Rekindle\Bench;

use Rekindle\Tests\Servers;
use Rekindle\Tests\TestServer;

/** What goes wrong with the package, and with a middleware that is written by hand, when processes share a sign-in. */
final class Correctness
{
    private readonly TestServer $server;
    private readonly string $case;

    private function __construct(private readonly string $program, string $folder)
    {
        // A refresh token that is sent twice ends the sign-in.
        $this->server = new TestServer(['dialect' => 'oauth', 'rotation' => 'strict_family', 'token_latency_ms' => 50]);
        $tokens = $this->server->signIn();
        $this->server->control('POST', '/__expire_all');
        $store = "{$folder}/" . bin2hex(random_bytes(4));
        if (str_starts_with($program, __DIR__)) {
            ByHand::keep($store, $tokens);
        }
        $this->case = json_encode(['url' => $this->server->url, 'store' => "file {$store}"] + $tokens, JSON_THROW_ON_ERROR);
    }

    public static function table(): string
    {
        $folder = Servers::folder('bench');
        $text = "| | 16 processes at once | SIGTERM during the refresh |\n|---|---|---|\n";
        $sides = [
            'rekindle' => dirname(__DIR__) . '/tests/Workers/answer.php',
            'Guzzle middleware, by hand' => __DIR__ . '/worker.php',
        ];
        foreach ($sides as $name => $program) {
            $cells = [$name, (new self($program, $folder))->sixteen(), (new self($program, $folder))->terminated()];
            $text .= '| ' . implode(' | ', $cells) . " |\n";
        }
        exec('rm -rf ' . escapeshellarg($folder));
        return $text;
    }

    private function sixteen(): string
    {
        $children = array_map(fn (): array => $this->child(), range(1, 16));
        return $this->judged(array_map(self::said(...), $children), 16);
    }

    /** The process is told to end after the server received the refresh token; then another one sends a request. */
    private function terminated(): string
    {
        $this->server->play([['match' => ['path' => '/oauth/token'], 'hold' => 'answer']]);
        $child = $this->child();
        $this->server->control('GET', '/__log?wait=2');
        proc_terminate($child[0], SIGTERM);
        $this->server->control('POST', '/__release', ['name' => 'answer']);
        self::said($child);
        return $this->judged([self::said($this->child())], 1);
    }

    /** @param list<string> $answers */
    private function judged(array $answers, int $all): string
    {
        $answered = count(array_keys($answers, '200', true));
        $counters = $this->server->counters();
        $end = $counters['reuses_detected'] > 0 ? 'signed out by the server' : "{$counters['refreshes']} refreshes";
        return $answered === $all && $counters['refreshes'] === 1 ? 'yes' : "**no**: {$answered} of {$all}, {$end}";
    }

    /** @return array{resource, resource} */
    private function child(): array
    {
        $output = [1 => ['pipe', 'w'], 2 => ['file', '/dev/null', 'w']];
        return [proc_open([PHP_BINARY, $this->program, $this->case], $output, $pipes), $pipes[1]];
    }

    /** @param array{resource, resource} $child */
    private static function said(array $child): string
    {
        $said = (string) stream_get_contents($child[1]);
        proc_close($child[0]);
        return $said;
    }
}
