<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use Fiber;
use RuntimeException;

/** Runs what a case does at the same time: each in a fiber, which goes on when another one waits. */
final class Lanes
{
    /** A case that takes longer hangs. */
    private const PATIENCE = 60.0;

    /** @var list<Fiber> */
    private array $fibers = [];

    public function start(callable $work): Fiber
    {
        $fiber = new Fiber($work);
        $this->fibers[] = $fiber;
        $fiber->start();
        return $fiber;
    }

    public function until(callable $isSo, string $what): void
    {
        $patience = (float) (getenv('REKINDLE_PATIENCE') ?: self::PATIENCE);
        for ($until = microtime(true) + $patience; !$isSo(); usleep(200)) {
            $this->goOn();
            if (microtime(true) > $until) {
                throw new RuntimeException("it hangs: {$what}");
            }
        }
    }

    public function goOn(): void
    {
        $this->fibers = array_values(array_filter($this->fibers, static fn (Fiber $one): bool => !$one->isTerminated()));
        foreach ($this->fibers as $fiber) {
            if ($fiber->isSuspended()) {
                $fiber->resume();
            }
        }
    }

    /** @param list<Fiber> $fibers */
    public static function haveEnded(array $fibers): bool
    {
        return array_filter($fibers, static fn (Fiber $one): bool => !$one->isTerminated()) === [];
    }
}
