<?php

declare(strict_types=1);

// One request of one process, through a middleware that is written by hand: the counterpart of tests/Workers/answer.php. Prints the
// status.

use GuzzleHttp\Client;
use Rekindle\Bench\ByHand;

require_once dirname(__DIR__) . '/tests/bootstrap.php';
require_once __DIR__ . '/ByHand.php';

$case = json_decode($argv[1], true, 512, JSON_THROW_ON_ERROR);
$stack = GuzzleHttp\HandlerStack::create();
$stack->push(new ByHand($case['url'], explode(' ', $case['store'], 2)[1]));
echo (new Client(['handler' => $stack, 'http_errors' => false]))->get("{$case['url']}/data")->getStatusCode();
