<?php

declare(strict_types=1);

// A parent that has used its session forks four children; all ask at once with a token that has expired. Prints the statuses.

use GuzzleHttp\Client;
use GuzzleHttp\Psr7\Request;
use Rekindle\Session;
use Rekindle\Store\FileStore;
use Rekindle\Tokens;

require_once dirname(__DIR__) . '/bootstrap.php';

$case = json_decode($argv[1], true, 512, JSON_THROW_ON_ERROR);
$session = new Session(
    tokenUrl: "{$case['url']}/oauth/token",
    clientId: 'app',
    clientSecret: 'app-secret',
    tokens: new Tokens($case['access_token'], $case['refresh_token'], 900),
    origins: [$case['url']],
    store: new FileStore(explode(' ', $case['store'], 2)[1]),
    waitTimeout: 120.0,
);
$session->token();
$children = [];
$mine = true;
for ($at = 0; $at < 4 && $mine; $at++) {
    $child = pcntl_fork();
    $mine = $child !== 0;
    $children[] = $child;
}
try {
    $status = $session->client(new Client())->sendRequest(new Request('GET', "{$case['url']}/data"))->getStatusCode();
    // In one piece: all write to the same pipe.
    echo "{$status} ";
} finally {
    if ($mine) {
        foreach ($children as $child) {
            pcntl_waitpid($child, $ended);
        }
    }
}
