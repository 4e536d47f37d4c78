<?php

declare(strict_types=1);

// Prints tables for `cargo xtask bench php`. The first argument is `correctness` or `speed`; `--quick`: a tenth of the requests.

use Rekindle\Bench\Correctness;
use Rekindle\Bench\Speed;

require_once dirname(__DIR__) . '/tests/bootstrap.php';
foreach (['ByHand', 'Correctness', 'Speed'] as $name) {
    require_once __DIR__ . "/{$name}.php";
}

echo ($argv[1] ?? '') === 'correctness' ? Correctness::table() : Speed::rows(in_array('--quick', $argv, true) ? 30 : 300);
