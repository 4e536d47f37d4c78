<?php

declare(strict_types=1);

namespace Rekindle\Core;

/**
 * Protects a refresh: until its tokens are saved, neither `max_execution_time` nor a disconnected client ends the process, nor, on the
 * command line, SIGTERM and similar signals, which are delivered afterwards.
 *
 * @internal
 */
final class Undisturbed
{
    private bool $isOn = false;
    private int $limit = 0;
    private int $ignoresAbort = 0;
    /** @var list<int>|null the signals that were held back before; null: none can be */
    private ?array $held = null;

    public function begin(): void
    {
        if ($this->isOn) {
            return;
        }
        $this->isOn = true;
        $this->limit = (int) ini_get('max_execution_time');
        if ($this->limit > 0) {
            set_time_limit(0);
        }
        $this->ignoresAbort = ignore_user_abort(true);
        if (function_exists('pcntl_sigprocmask')) {
            $held = [];
            pcntl_sigprocmask(SIG_BLOCK, [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2], $held);
            $this->held = array_values($held);
        }
    }

    public function end(): void
    {
        if (!$this->isOn) {
            return;
        }
        $this->isOn = false;
        if ($this->limit > 0) {
            // The limit starts over: PHP does not tell how much time was left.
            set_time_limit($this->limit);
        }
        ignore_user_abort($this->ignoresAbort === 1);
        if ($this->held !== null) {
            $held = $this->held;
            $this->held = null;
            pcntl_sigprocmask(SIG_SETMASK, $held);
        }
    }
}
