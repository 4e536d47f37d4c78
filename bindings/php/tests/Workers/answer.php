<?php

declare(strict_types=1);

// One request of one process: what a worker of php-fpm, of the built-in server or of a queue does. Prints the status.

use GuzzleHttp\Client;
use GuzzleHttp\Psr7\Request;
use Rekindle\Session;
use Rekindle\Store\FileStore;
use Rekindle\Store\PdoStore;
use Rekindle\Store\RedisStore;
use Rekindle\Tokens;

require_once dirname(__DIR__) . '/bootstrap.php';

$case = json_decode((string) ($_GET['case'] ?? $argv[1]), true, 512, JSON_THROW_ON_ERROR);
[$kind, $place] = explode(' ', $case['store'], 2);
$session = new Session(
    tokenUrl: "{$case['url']}/oauth/token",
    clientId: 'app',
    clientSecret: 'app-secret',
    tokens: new Tokens($case['access_token'], $case['refresh_token'], 900),
    origins: [$case['url']],
    store: match ($kind) {
        'file' => new FileStore($place),
        'pdo' => new PdoStore(static fn (): PDO => new PDO($place, options: [PDO::ATTR_TIMEOUT => 60])),
        'redis' => new RedisStore(static function () use ($place): Redis {
            $redis = new Redis();
            $redis->connect($place);
            return $redis;
        }),
    },
    waitTimeout: 120.0,
);
$response = $session->client(new Client())->sendRequest(new Request('GET', "{$case['url']}/data"));
echo $response->getStatusCode();
