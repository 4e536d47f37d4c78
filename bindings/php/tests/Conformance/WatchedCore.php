<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use Rekindle\Core\Core;

/** The core, with what a case wants to know and PHP does not tell: when its next timer is due. */
final class WatchedCore implements Core
{
    public ?float $dueMs = null;
    public int $lastSession = 0;
    /** @var list<stdClass> effects that came while the case asked */
    private array $stashed = [];
    private int $asked = 1_000_000_000;

    public function __construct(private readonly Core $core)
    {
    }

    public function hasEnded(): bool
    {
        return $this->core->hasEnded();
    }

    public function bootTimeMs(): float
    {
        return 0.0;
    }

    public function tag(int $session, float $monoMs, float $wallMs): int
    {
        return $this->core->tag($session, $monoMs, $wallMs);
    }

    public function turn(float $monoMs, float $wallMs, string $messages): string
    {
        foreach (json_decode($messages) as $message) {
            if ($message->do === 'session') {
                $this->lastSession = $message->session;
            }
        }
        $said = json_decode($this->core->turn($monoMs, $wallMs, $messages));
        $this->dueMs = $said->due_ms;
        $said->effects = [...$this->stashed, ...$said->effects];
        $this->stashed = [];
        return Pattern::json($said);
    }

    /** What the core answers at once; nothing else is carried out for that. */
    public function ask(string $what, int $session, ManualClock $clock): mixed
    {
        $call = ++$this->asked;
        $message = Pattern::json([['do' => $what, 'session' => $session, 'call' => $call]]);
        $said = json_decode($this->core->turn($clock->mono, $clock->wall, $message));
        $this->dueMs = $said->due_ms;
        $answer = null;
        foreach ($said->effects as $effect) {
            if (($effect->call ?? 0) === $call) {
                $answer = $effect->ok ?? null;
            } else {
                $this->stashed[] = $effect;
            }
        }
        return $answer;
    }
}
