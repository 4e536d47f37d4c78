<?php

declare(strict_types=1);

// A refresh that takes more of the processor's time than max_execution_time allows (waiting does not count on Linux). Prints the new
// token, and the limit that holds again; then goes beyond it.

use Rekindle\Session;
use Rekindle\Tokens;

require_once dirname(__DIR__) . '/bootstrap.php';

$work = static function (): void {
    $used = static fn (array $of): float => $of['ru_utime.tv_sec'] + $of['ru_stime.tv_sec']
        + ($of['ru_utime.tv_usec'] + $of['ru_stime.tv_usec']) / 1e6;
    for ($until = $used(getrusage()) + 1.5; $used(getrusage()) < $until;) {
        hash('sha256', 'work');
    }
};

$session = new Session(
    tokenUrl: 'https://auth.example.com/token',
    tokens: new Tokens('AT-1', 'RT-1'),
    refresh: static function () use ($work): Tokens {
        $work();
        return new Tokens('AT-2', 'RT-2');
    },
);
echo $session->refresh()->value(), ' ', ini_get('max_execution_time'), "\n";
$work();
echo 'never';
