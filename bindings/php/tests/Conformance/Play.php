<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use Fiber;
use Psr\Http\Client\ClientExceptionInterface;
use Rekindle\Exception\RekindleException;
use Rekindle\Judgement;
use Rekindle\Tests\TestServer;
use Rekindle\Token;
use RuntimeException;
use stdClass;
use Throwable;

/** Plays a case. */
final class Play
{
    private readonly Lanes $lanes;
    /** @var array<string, list<Fiber>> */
    private array $named = [];

    private function __construct(private readonly Stage $stage, private readonly Requests $through)
    {
        $this->lanes = new Lanes();
    }

    /** @return list<string> what is not as it should be */
    public static function of(stdClass $spec, Requests $through): array
    {
        $stage = new Stage($spec);
        try {
            (new self($stage, $through))->play();
        } catch (Throwable $error) {
            $stage->complain($error::class . ": {$error->getMessage()}");
        } finally {
            $stage->close();
        }
        return $stage->complaints;
    }

    private function play(): void
    {
        $spec = $this->stage->spec;
        if (!($spec->lazy ?? false)) {
            $this->inOrder(fn () => $this->stage->make('main'), 'main');
        }
        foreach ($spec->operations as $at => $operation) {
            $this->step($operation, "operations[{$at}]");
        }
        $this->lanes->until(fn (): bool => Lanes::haveEnded(array_merge(...array_values($this->named))), 'a lane');
        $this->inOrder(fn () => (new Checks($this->stage))->check(), 'the checks');
    }

    private function step(stdClass $operation, string $what): void
    {
        $op = $operation->op;
        $of = $operation->of ?? null;
        if ($op === 'cancel' || ($op === 'wait_for' && $of !== null)) {
            $fibers = $this->named[$of] ?? throw new RuntimeException("{$what}: there is no lane {$of}");
            unset($this->named[$of]);
            if ($op === 'cancel') {
                $this->cancel($fibers);
            }
            $this->lanes->until(static fn (): bool => Lanes::haveEnded($fibers), "{$what}: {$op} {$of}");
            return;
        }
        if ($op === 'wait_for') {
            if (isset($operation->event) || isset($operation->stored)) {
                $this->callOnce($operation);
            }
            $this->lanes->until(fn (): bool => $this->hasCome($operation), "{$what}: " . Pattern::json($operation));
            return;
        }
        if ($op === 'advance_to_timer') {
            $this->lanes->until(fn (): bool => $this->stage->timer($operation->within_ms) !== null, "{$what}: {$op}");
            $this->stage->clock->advance((float) $this->stage->timer($operation->within_ms));
            $this->lanes->goOn();
            return;
        }
        $lane = $operation->lane ?? null;
        $before = $lane === null ? [] : $this->named[$lane] ?? [];
        $fibers = [];
        for ($left = $operation->times ?? 1; $left > 0; $left--) {
            $fibers[] = $this->lanes->start(function () use ($operation, $before, $what): void {
                while (!Lanes::haveEnded($before)) {
                    Fiber::suspend();
                }
                try {
                    $this->once($operation, $what);
                } catch (Cancelled) {
                    // As the case wants it.
                } catch (Throwable $error) {
                    $this->stage->complain("{$what}: " . $error::class . ": {$error->getMessage()}");
                }
            });
        }
        if ($lane === null) {
            $this->lanes->until(static fn (): bool => Lanes::haveEnded($fibers), "{$what}: {$op}");
        } else {
            $this->named[$lane] = $fibers;
        }
    }

    /** PHP starts no thread: what falls due between two calls is done by the next one. */
    private function callOnce(stdClass $operation): void
    {
        $running = array_merge(...array_values($this->named));
        if (Lanes::haveEnded($running) && !$this->hasCome($operation)) {
            $session = $this->stage->actor($operation)->session;
            $this->inOrder(static fn () => $session?->tokenIfValid(), 'a call between');
        }
    }

    /** @param list<Fiber> $fibers */
    private function cancel(array $fibers): void
    {
        foreach ($fibers as $fiber) {
            if ($fiber->isSuspended()) {
                $fiber->throw(new Cancelled());
            }
        }
    }

    private function inOrder(callable $work, string $what): void
    {
        $failure = null;
        $fiber = $this->lanes->start(static function () use ($work, &$failure): void {
            try {
                $work();
            } catch (Throwable $failure) {
                // Thrown below, outside of the fiber.
            }
        });
        $this->lanes->until(static fn (): bool => $fiber->isTerminated(), $what);
        if ($failure !== null) {
            throw $failure;
        }
    }

    private function once(stdClass $operation, string $what): void
    {
        try {
            $result = $this->perform($operation);
        } catch (RekindleException $error) {
            $told = self::toldError($error);
            $this->stage->mustNotLeak('an error', $error->getMessage(), print_r($error->response, true));
            $result = ['error' => $told];
        } catch (ClientExceptionInterface $error) {
            $result = ['error' => ['kind' => 'Connection', 'message' => $error->getMessage(), 'retryable' => true]];
        }
        $expect = $operation->expect ?? null;
        if (isset($result['error']) && !isset($expect->error)) {
            $this->stage->complain("{$what}: " . Pattern::json($result['error']) . ', expected none');
        } elseif ($expect !== null) {
            $this->stage->complain(Pattern::differs($expect, Pattern::plain((object) $result), $what));
        }
    }

    /** @return array<string, mixed> */
    private function perform(stdClass $spec): array
    {
        $stage = $this->stage;
        switch ($spec->op) {
            case 'new_session':
                $stage->make($spec->name, $spec->with ?? null);
                return [];
            case 'advance':
                $stage->clock->advance($spec->ms);
                $this->lanesGoOn();
                return [];
            case 'jump_wall':
                $stage->clock->wall += $spec->by_ms;
                return [];
            case 'release':
                $stage->server->control('POST', '/__release', ['name' => $spec->name]);
                return [];
            case 'play':
                $stage->server->play($spec->steps);
                return [];
            case 'expire_all':
            case 'revoke_all':
                $stage->server->control('POST', "/__{$spec->op}");
                return [];
            case 'lose_answers':
                $stage->server->control('POST', '/__knobs', ['lose_answers' => $spec->answers]);
                return [];
            case 'crash':
                $stage->actors[$spec->of]->ended = true;
                return [];
            case 'store':
                $stage->setStore($spec);
                return [];
            default:
                return $this->ask($stage->actor($spec), $spec);
        }
    }

    /** A turn of the others comes with the next look of the case's. */
    private function lanesGoOn(): void
    {
        Fiber::suspend();
    }

    /** @return array<string, mixed> */
    private function ask(Actor $actor, stdClass $spec): array
    {
        $session = $actor->session;
        assert($session !== null && $actor->client !== null);
        switch ($spec->op) {
            case 'request':
                return $this->request($actor, $spec);
            case 'graphql':
                return ['data' => (object) $actor->client->graphql($spec->query, (array) ($spec->variables ?? []))];
            case 'token':
                if ($spec->if_valid ?? false) {
                    $token = $session->tokenIfValid();
                    return $token === null ? ['token' => null] : $this->toldToken($token);
                }
                return $this->toldToken($session->token(isset($spec->min_life_ms) ? $spec->min_life_ms / 1000 : null));
            case 'refresh':
                return $this->toldToken($session->refresh($spec->force ?? false));
            case 'invalidate':
                $session->invalidate();
                return [];
            case 'sign_in':
                $session->signIn($this->stage->tokens($spec->credential ?? null));
                return [];
            case 'sign_out':
                $session->signOut();
                return [];
            case 'shutdown':
                return ['settled' => $session->shutdown($spec->ms / 1000)];
            case 'status':
                $status = $session->status($spec->fresh ?? false);
                $this->stage->mustNotLeak('a status', print_r($status, true));
                return array_filter($status->all, static fn (mixed $value): bool => $value !== null);
            default:
                throw new RuntimeException("not an operation: {$spec->op}");
        }
    }

    /** @return array<string, mixed> */
    private function request(Actor $actor, stdClass $spec): array
    {
        assert($actor->session !== null);
        $request = Requests::of($spec, $this->stage->server->url);
        [$response, $url, $redirects, $judged] = $this->through->send($actor->session, $request, $spec->follow_redirects ?? true);
        $text = (string) $response->getBody();
        $headers = array_map(static fn (array $values): string => implode(', ', $values), array_change_key_case($response->getHeaders()));
        $told = ['status' => $response->getStatusCode(), 'url' => $url, 'redirects' => $redirects, 'headers' => (object) $headers];
        return $told + ['text' => $text] + self::read($text) + self::judgement($judged);
    }

    /** @return array<string, mixed> */
    private function toldToken(Token $token): array
    {
        $this->stage->mustNotLeak('a token', print_r($token, true), Pattern::json($token), var_export($token, true));
        return [
            'token' => $token->value(),
            'authorization' => $token->authorization(),
            'header' => $token->header,
            'generation' => $token->generation,
            'expires_at_ms' => $token->expiresAt === null ? null : (int) $token->expiresAt->format('Uv'),
        ];
    }

    /** @return array<string, mixed> */
    private static function toldError(RekindleException $error): array
    {
        $told = [
            'kind' => $error->kind,
            'message' => $error->getMessage(),
            'retryable' => $error->retryable,
            'oauth_error' => $error->oauthError,
            'status' => $error->status,
            'retry_after_ms' => $error->retryAfter === null ? null : 1000 * $error->retryAfter,
            'graphql' => $error->graphqlErrors ?: null,
        ];
        $response = $error->response;
        if ($response !== null) {
            $headers = array_map(static fn (array $values): string => implode(', ', $values), $response->headers());
            $told['response'] = ['status' => $response->status, 'url' => $response->url(), 'text' => $response->body()]
                + ['headers' => (object) $headers]
                + self::read($response->body())
                + self::judgement($response->judgement());
        }
        return array_filter($told, static fn (mixed $value): bool => $value !== null);
    }

    /** @return array<string, mixed> */
    private static function judgement(?Judgement $judged): array
    {
        $details = $judged?->details ?? [];
        $after = isset($details['retry_after_ms']) ? ['after_ms' => $details['retry_after_ms']] : [];
        $verdict = $judged?->verdict === null ? null : Pattern::plain((object) (['name' => $judged->verdict] + $details + $after));
        $told = ['verdict' => $verdict, 'replay_refused' => $judged?->replayRefused];
        return array_filter($told, static fn (mixed $value): bool => $value !== null);
    }

    /** @return array<string, mixed> */
    private static function read(string $text): array
    {
        $read = json_decode($text);
        return json_last_error() === JSON_ERROR_NONE ? ['json' => $read] : [];
    }

    private function hasCome(stdClass $what): bool
    {
        $stage = $this->stage;
        $actor = $stage->actor($what);
        if (isset($what->requests) && self::requests($stage->server, $what->path ?? null) < $what->requests) {
            return false;
        }
        if (isset($what->event) && !Checks::hasHeard($actor, $what->event)) {
            return false;
        }
        foreach (['counters' => 'stats', 'status' => 'status'] as $name => $ask) {
            if (isset($what->$name)) {
                $told = $actor->core->ask($ask, $actor->number, $stage->clock);
                if (Pattern::differs($what->$name, $told, '') !== '') {
                    return false;
                }
            }
        }
        if (isset($what->stored) && Pattern::differs($what->stored, $stage->stored(), '') !== '') {
            return false;
        }
        if (isset($what->timer_beyond_ms) && $stage->timer($what->timer_beyond_ms) !== null) {
            return false;
        }
        return !isset($what->timer_within_ms) || $stage->timer($what->timer_within_ms) !== null;
    }

    private static function requests(TestServer $server, ?string $path): int
    {
        $log = $server->control('GET', '/__log');
        return count(array_filter($log, static fn (array $one): bool => $path === null || $one['path'] === $path));
    }
}
