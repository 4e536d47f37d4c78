<?php

declare(strict_types=1);

namespace Rekindle\Core;

/**
 * While a refresh is under way, the process is not ended in its midst: what the server hands out then is saved first. Neither by
 * `max_execution_time`, nor by a caller who hangs up, nor, on the command line, by SIGTERM and its like, which come right after.
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
            // Begins anew: PHP does not tell how much of it was left.
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
