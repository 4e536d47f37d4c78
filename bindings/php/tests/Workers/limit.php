<?php

declare(strict_types=1);

// A refresh that takes more of the processor's time than max_execution_time allows (waiting does not count on Linux). Prints the new
// token, and the limit that holds again; then goes beyond it.

use Rekindle\Session;
use Rekindle\Tokens;

require_once dirname(__DIR__) . '/bootstrap.php';

// The limit counts the processor's time by the clock's ticks, so it comes late on a busy machine, or early.
$work = static function (float $seconds): void {
    $used = static fn (array $of): float => $of['ru_utime.tv_sec'] + $of['ru_stime.tv_sec']
        + ($of['ru_utime.tv_usec'] + $of['ru_stime.tv_usec']) / 1e6;
    for ($until = $used(getrusage()) + $seconds; $used(getrusage()) < $until;) {
        hash('sha256', 'work');
    }
};

$session = new Session(
    tokenUrl: 'https://auth.example.com/token',
    tokens: new Tokens('AT-1', 'RT-1'),
    refresh: static function () use ($work): Tokens {
        $work(1.5);
        return new Tokens('AT-2', 'RT-2');
    },
    waitTimeout: 300.0,
);
// Loading alone takes some of it.
set_time_limit(1);
echo $session->refresh()->value(), ' ', ini_get('max_execution_time'), "\n";
$work(60.0);
echo 'never';
