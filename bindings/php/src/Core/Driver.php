<?php

declare(strict_types=1);

namespace Rekindle\Core;

use Closure;
use Rekindle\DeviceCode;
use Rekindle\Exception\Misuse;
use Rekindle\Exception\RekindleException;

/**
 * Runs the core's turns: passes messages in, carries out the effects, and passes their results in, until a call is done. All sessions
 * of a process use one driver, so that they share their refreshes.
 *
 * @internal
 */
final class Driver
{
    private static ?self $shared = null;

    private int $next = 0;
    /** @var array<int, Hosted> */
    private array $sessions = [];
    /** @var array<int, array<string, mixed>|null> the effects `done`, by call; null: the call is in progress */
    private array $calls = [];
    /** @var array<int, array<string, mixed>> effects that have not been carried out yet, by operation */
    private array $ready = [];
    /** @var array<int, Closure(DeviceCode): mixed> by call: shows the user the code of a device flow */
    private array $shows = [];
    /** @var list<array<string, mixed>> effects `device`, which must be shown to the user */
    private array $toShow = [];
    private ?float $dueMs = null;
    /** @var list<array<string, string>> the first message: errors spell settings as in PHP */
    private array $first = [['do' => 'spelling', 'of' => 'php']];
    private readonly TokenRequests $requests;
    private readonly Signatures $signatures;
    private readonly Undisturbed $undisturbed;

    public function __construct(private readonly Core $core, private readonly Clock $clock)
    {
        $this->requests = new TokenRequests();
        $this->signatures = new Signatures();
        $this->undisturbed = new Undisturbed();
    }

    public static function shared(): self
    {
        if (self::$shared === null) {
            $core = Loader::load(SystemClock::boot());
            self::$shared = new self($core, new SystemClock($core));
        }
        return self::$shared;
    }

    /** A number that is not used yet. */
    public function number(): int
    {
        return ++$this->next;
    }

    /**
     * Makes a call, and returns once it is done.
     *
     * @param array<string, mixed> $message
     * @param (Closure(DeviceCode): mixed)|null $show
     */
    public function call(#[\SensitiveParameter] array $message, ?Closure $show = null): mixed
    {
        if ($this->core->hasEnded()) {
            throw new Misuse('the process is ending: call sessions before that');
        }
        $call = $this->number();
        $this->calls[$call] = null;
        if ($show !== null) {
            $this->shows[$call] = $show;
        }
        try {
            $this->turn([['call' => $call] + $message]);
            while ($this->calls[$call] === null) {
                $this->step();
            }
            $done = $this->calls[$call];
        } finally {
            unset($this->shows[$call]);
            $this->leave($call);
        }
        // A caller whose timeout has expired does not wait for the rest.
        if ($message['do'] !== 'shutdown' && ($done['error']['kind'] ?? '') !== 'Timeout') {
            $this->finish();
        }
        if (!isset($done['error'])) {
            return $this->signed($message, $done['ok'] ?? null);
        }
        throw RekindleException::of($done['error']);
    }

    /** @param array<string, mixed> $message one without a result */
    public function send(#[\SensitiveParameter] array $message): void
    {
        $this->turn([$message]);
        $this->finish();
    }

    /** Creates a session in the core; throws its error. */
    public function register(int $number, Hosted $hosted): void
    {
        $this->sessions[$number] = $hosted;
        $this->signatures->add($hosted->keys);
        try {
            $this->call(['do' => 'session', 'session' => $number, 'settings' => $hosted->settings()]);
        } catch (RekindleException $error) {
            unset($this->sessions[$number]);
            throw $error;
        }
    }

    /**
     * Makes a call that belongs to no session.
     *
     * @param array<string, mixed> $message
     */
    public function callFor(Hosted $hosted, array $message): mixed
    {
        $number = $this->number();
        $this->sessions[$number] = $hosted;
        try {
            return $this->call($message + ['session' => $number]);
        } finally {
            unset($this->sessions[$number]);
        }
    }

    public function forget(int $number): void
    {
        if (isset($this->sessions[$number])) {
            unset($this->sessions[$number]);
            $this->turn([['do' => 'forget', 'session' => $number]]);
        }
    }

    public function hosted(int $number): ?Hosted
    {
        return $this->sessions[$number] ?? null;
    }

    /** A number that identifies the token that is valid now; 0: there is none. */
    public function tag(int $session): int
    {
        $tag = $this->core->tag($session, $this->clock->monoMs(), $this->clock->wallMs());
        if ($tag >> 31 !== 0) {
            $this->turn([]);
            $this->finish();
        }
        return $tag & 0x7fff_ffff;
    }

    /** @param list<array<string, mixed>> $messages */
    private function turn(#[\SensitiveParameter] array $messages): void
    {
        if ($this->core->hasEnded()) {
            return;
        }
        $messages = [...$this->first, ...$messages];
        $this->first = [];
        $said = Json::read($this->core->turn($this->clock->monoMs(), $this->clock->wallMs(), Json::write($messages)));
        $this->dueMs = $said['due_ms'];
        foreach ($said['effects'] as $effect) {
            $this->take($effect);
        }
        // Listeners may call sessions: only once all effects have been taken.
        foreach ($said['effects'] as $effect) {
            if ($effect['effect'] === 'event') {
                ($this->sessions[$effect['session']] ?? null)?->hear($effect);
            }
        }
    }

    /** @param array<string, mixed> $effect */
    private function take(#[\SensitiveParameter] array $effect): void
    {
        switch ($effect['effect']) {
            case 'done':
                if (array_key_exists($effect['call'], $this->calls)) {
                    $this->calls[$effect['call']] = $effect;
                }
                break;
            case 'event':
            case 'expired':
                break;
            case 'device':
                $this->toShow[] = $effect;
                break;
            case 'forget':
                unset($this->ready[$effect['op']]);
                $this->requests->forget($effect['op']);
                break;
            case 'fault':
                // A bug of this package. The message contains no values.
                trigger_error("rekindle: {$effect['message']}", E_USER_WARNING);
                break;
            default:
                $this->ready[$effect['op']] = $effect;
        }
    }

    /** Carries out the next effect; if there is none, waits. */
    private function step(): void
    {
        $device = array_shift($this->toShow);
        if ($device !== null) {
            ($this->shows[$device['call']] ?? null)?->__invoke(DeviceCode::of($device));
            return;
        }
        $op = array_key_first($this->ready);
        if ($op !== null) {
            $effect = $this->ready[$op];
            unset($this->ready[$op]);
            $this->carryOut($op, $effect);
            return;
        }
        if (!$this->collect()) {
            if ($this->shows !== [] && !$this->requests->areUnderWay()) {
                // The user may take minutes, and may end the script meanwhile.
                $this->undisturbed->end();
            }
            $left = $this->dueMs === null ? null : $this->dueMs - $this->clock->monoMs();
            $this->clock->pause($this->requests, $left);
            $this->turnIfDue();
        }
    }

    /** Completes all work before a call returns: nothing drives the core between calls. */
    private function finish(): void
    {
        while ($this->ready !== [] || $this->requests->areUnderWay()) {
            $this->step();
        }
        $this->undisturbed->end();
    }

    /** @param array<string, mixed> $effect */
    private function carryOut(int $op, #[\SensitiveParameter] array $effect): void
    {
        if ($effect['effect'] === 'send' || $effect['effect'] === 'refresh') {
            $this->undisturbed->begin();
        }
        if ($effect['effect'] === 'send') {
            $this->sendTokenRequest($op, $effect);
            return;
        }
        $hosted = $this->sessions[$effect['session']] ?? null;
        $answer = $hosted?->serve($effect) ?? ['error' => 'maybe_sent', 'unavailable' => 'the session is gone'];
        $this->answer([$op => $answer]);
    }

    /** @param array<string, mixed> $effect */
    private function sendTokenRequest(int $op, #[\SensitiveParameter] array $effect): void
    {
        try {
            $effect = $this->signatures->complete($effect);
        } catch (RekindleException $error) {
            $this->answer([$op => ['error' => $error->getMessage(), 'sent' => false]]);
            return;
        }
        $this->requests->start($op, $effect, ($this->sessions[$effect['session']] ?? null)?->curlOptions ?? []);
    }

    /**
     * The result of a call, with the signatures of its headers.
     *
     * @param array<string, mixed> $message
     */
    private function signed(array $message, #[\SensitiveParameter] mixed $result): mixed
    {
        if (!is_array($result) || !isset($result['headers'])) {
            return $result;
        }
        try {
            return $this->signatures->complete($result);
        } catch (RekindleException $error) {
            if ($message['do'] === 'begin') {
                // Its caller has no exchange to end.
                $this->send(['do' => 'end', 'session' => $message['session'], 'request' => $message['request']]);
            }
            throw $error;
        }
    }

    /** Passes in the responses of token requests that have arrived; returns whether there were any. */
    private function collect(): bool
    {
        $answers = $this->requests->take();
        if ($answers !== []) {
            $this->answer($answers);
        }
        return $answers !== [];
    }

    /** @param array<int, array<string, mixed>> $answers */
    private function answer(#[\SensitiveParameter] array $answers): void
    {
        $messages = [];
        foreach ($answers as $op => $answer) {
            $messages[] = ['do' => 'answer', 'op' => $op] + $answer;
        }
        $this->turn($messages);
    }

    private function turnIfDue(): void
    {
        if ($this->dueMs !== null && $this->clock->monoMs() >= $this->dueMs) {
            $this->turn([]);
        }
    }

    /** Cancels a call that was left by an exception. */
    private function leave(int $call): void
    {
        if (!$this->requests->areUnderWay() && $this->ready === []) {
            $this->undisturbed->end();
        }
        $isOpen = $this->calls[$call] === null;
        unset($this->calls[$call]);
        if ($isOpen) {
            $this->turn([['do' => 'cancel', 'call' => $call]]);
        }
    }
}
