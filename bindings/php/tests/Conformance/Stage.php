<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use DateTimeImmutable;
use Rekindle\Client;
use Rekindle\Core\Driver;
use Rekindle\Core\Loader;
use Rekindle\Exception\Misuse;
use Rekindle\Exception\NotSent;
use Rekindle\Exception\RefreshTokenDead;
use Rekindle\RefreshInput;
use Rekindle\Session;
use Rekindle\Store\FileStore;
use Rekindle\Tests\Servers;
use Rekindle\Tests\TestServer;
use Rekindle\Tokens;
use RuntimeException;
use stdClass;

/** Where a case is played: its servers, its clock, its store and its sessions. */
final class Stage
{
    public readonly stdClass $spec;
    public readonly ManualClock $clock;
    public readonly TestServer $server;
    public readonly ?TestServer $other;
    /** @var array<string, Actor> */
    public array $actors = [];
    /** @var list<string> */
    public array $complaints = [];
    public readonly Shelf $shelf;
    private readonly string $folder;
    /** @var array{WatchedCore, Driver}|null of sessions of one process */
    private ?array $shared = null;

    public function __construct(stdClass $spec)
    {
        $this->server = self::serverOf($spec->server ?? null);
        $this->other = isset($spec->other) ? self::serverOf($spec->other) : null;
        $named = ['{server}' => $this->server->url, '{other}' => $this->other?->url ?? '{other}'];
        $this->spec = json_decode(strtr(Pattern::json($spec), $named));
        $this->server->play($this->spec->server->steps ?? []);
        $this->other?->play($this->spec->other->steps ?? []);
        $this->clock = new ManualClock();
        $this->shelf = new Shelf();
        $this->folder = Servers::folder('case');
    }

    public function close(): void
    {
        foreach ($this->actors as $actor) {
            try {
                $actor->client = null;
                $actor->session = null;
            } catch (Cancelled) {
                $this->complain('a session is still at work at the end');
            }
        }
        $this->actors = [];
        $this->shared = null;
        exec('rm -rf ' . escapeshellarg($this->folder));
    }

    public function make(string $name, ?stdClass $given = null): void
    {
        $usual = ['token_url' => "{$this->server->url}/token", 'client_id' => 'app', 'origins' => [$this->server->url]];
        $spec = (object) ((array) $given + (array) ($this->spec->session ?? []) + $usual);
        $isOfOneProcess = $spec->same_process ?? false;
        [$core, $driver] = $isOfOneProcess ? $this->shared ??= $this->process() : $this->process();
        $actor = new Actor($core);
        $actor->session = $this->session($spec, $driver, $actor, !$isOfOneProcess);
        $actor->number = $core->lastSession;
        $actor->client = new Client($actor->session, $this->server->url, $spec->client->graphql_path ?? '/graphql');
        $this->actors[$name] = $actor;
    }

    public function actor(stdClass $spec): Actor
    {
        $name = $spec->session ?? 'main';
        return $this->actors[$name] ?? throw new RuntimeException("there is no session {$name}");
    }

    public function tokens(mixed $written): Tokens
    {
        if (!$written instanceof stdClass) {
            $hasModel = isset($this->spec->server->auth);
            $written = $hasModel ? (object) $this->server->signIn() : (object) ['access_token' => 'AT-1', 'refresh_token' => 'RT-1'];
        }
        $ms = $written->expires_at_ms ?? null;
        $end = $ms === null ? null : DateTimeImmutable::createFromFormat('U.v', sprintf('%d.%03d', intdiv($ms, 1000), $ms % 1000));
        return new Tokens(
            $written->access_token ?? null,
            $written->refresh_token ?? null,
            $written->expires_in ?? null,
            $end ?: null,
            $written->scope ?? null,
            $written->token_type ?? null,
            (array) ($written->extra ?? []),
        );
    }

    public function stored(): stdClass
    {
        if (($this->spec->session->store ?? '') !== 'file') {
            return $this->shelf->stored();
        }
        clearstatcache();
        $file = $this->file();
        return (object) (is_file($file)
            ? ['present' => true, 'text' => file_get_contents($file), 'mode' => sprintf('%04o', fileperms($file) & 0o777)]
            : ['present' => false]);
    }

    public function setStore(stdClass $spec): void
    {
        if (($this->spec->session->store ?? '') !== 'file') {
            $this->shelf->set($spec);
            return;
        }
        $left = Shelf::damaged((string) file_get_contents($this->file()), $spec->damage);
        $left === null ? unlink($this->file()) : file_put_contents($this->file(), $left);
    }

    /** When the next timer is due that is due within so long. */
    public function timer(float $withinMs): ?float
    {
        $due = array_filter(array_map(static fn (Actor $one): ?float => $one->core->dueMs, $this->actors), is_float(...));
        $left = $due === [] ? INF : max(0.0, min($due) - $this->clock->mono);
        return $left <= $withinMs ? $left : null;
    }

    public function complain(string $complaint): void
    {
        if ($complaint !== '') {
            $this->complaints[] = $complaint;
        }
    }

    /** No text that is told holds a token. */
    public function mustNotLeak(string $what, string ...$shown): void
    {
        foreach ($shown as $text) {
            if (preg_match('/AT-|RT-|SECRET-/', $text) === 1) {
                $this->complain("{$what} shows a token: {$text}");
            }
        }
    }

    private function file(): string
    {
        return "{$this->folder}/session.json";
    }

    /** @return array{WatchedCore, Driver} */
    private function process(): array
    {
        $core = new WatchedCore(Loader::load(''));
        return [$core, new Driver($core, $this->clock)];
    }

    private function session(stdClass $spec, Driver $driver, Actor $actor, bool $isAlone): Session
    {
        $seconds = static fn (?int $ms): ?float => $ms === null ? null : $ms / 1000;
        $results = isset($spec->refresh_with) ? $this->refreshFunction($spec->refresh_with, $actor) : null;
        return new Session(
            dialect: self::dialect($spec->dialect ?? 'oauth2'),
            tokenUrl: $spec->token_url ?? null,
            clientId: $spec->client_id,
            clientSecret: $spec->client_secret ?? null,
            clientAuth: $spec->client_auth ?? null,
            tokens: ($spec->credential ?? null) === false ? null : $this->tokens($spec->credential ?? null),
            origins: $spec->origins,
            insecureOrigins: $spec->insecure_origins ?? [],
            store: match ($spec->store ?? 'memory') {
                'scripted' => new ShelfView($this->shelf, $actor),
                'file' => new FileStore($this->file()),
                default => null,
            },
            refresh: $results,
            variables: (array) ($spec->variables ?? []),
            rotation: self::rotation($spec->rotation ?? null),
            background: $spec->background ?? true,
            waitTimeout: $seconds($spec->wait_ms ?? null),
            sendTimeout: $seconds($spec->send_ms ?? null),
            lease: $seconds($spec->lease_ms ?? null),
            clientCredentials: isset($spec->client_credentials) ? self::asArray($spec->client_credentials) : null,
            alone: $isAlone,
            driver: $driver,
            onEvent: $actor->hear(...),
        );
    }

    /**
     * A refresh function that gives its results one after the other.
     *
     * @param list<stdClass> $results
     */
    private function refreshFunction(array $results, Actor $actor): callable
    {
        return function (RefreshInput $input) use (&$results, $actor): Tokens {
            $next = array_shift($results) ?? new stdClass();
            if ($next->calls_back ?? false) {
                try {
                    $actor->session?->token();
                    throw new NotSent('the session let its own refresh function wait for it');
                } catch (Misuse) {
                    // As it should be.
                }
            }
            return match ($next->error ?? null) {
                null => $this->tokens($next),
                'login_required' => throw new RefreshTokenDead('as scripted'),
                'not_sent' => throw new NotSent('as scripted'),
                default => throw new RuntimeException('as scripted'),
            };
        };
    }

    /** @return string|array<string, mixed> */
    private static function dialect(string|stdClass $written): string|array
    {
        if (is_string($written)) {
            return $written;
        }
        $read = ['python3', '-c', 'import json,sys,tomllib; json.dump(tomllib.loads(sys.stdin.read()), sys.stdout)'];
        $child = proc_open($read, [['pipe', 'r'], ['pipe', 'w']], $pipes) ?: throw new RuntimeException('python3 does not start');
        fwrite($pipes[0], $written->toml);
        fclose($pipes[0]);
        $said = (string) stream_get_contents($pipes[1]);
        proc_close($child);
        return json_decode($said, true, 512, JSON_THROW_ON_ERROR);
    }

    private static function rotation(string|stdClass|null $written): ?string
    {
        return $written instanceof stdClass ? "grace:{$written->grace_seconds}" : $written;
    }

    /** @return array<string, mixed> */
    private static function asArray(stdClass $value): array
    {
        return json_decode(Pattern::json($value), true);
    }

    private static function serverOf(?stdClass $spec): TestServer
    {
        return new TestServer(isset($spec->auth) ? self::asArray($spec->auth) : null);
    }
}
