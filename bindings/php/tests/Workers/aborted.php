<?php

declare(strict_types=1);

// A refresh whose caller hangs up: it has the new tokens when it prints, which ends a script whose caller is gone.

use GuzzleHttp\Client;
use Rekindle\Session;
use Rekindle\Store\FileStore;
use Rekindle\Tokens;

require_once dirname(__DIR__) . '/bootstrap.php';

$case = json_decode($_GET['case'], true, 512, JSON_THROW_ON_ERROR);
while (ob_get_level() > 0) {
    ob_end_clean();
}
$session = new Session(
    tokenUrl: 'https://auth.example.com/token',
    tokens: new Tokens('AT-1', 'RT-1'),
    store: new FileStore($case['path']),
    refresh: static function () use ($case): Tokens {
        (new Client())->get("{$case['url']}/spent");
        echo 'more than nothing';
        flush();
        return new Tokens('AT-2', 'RT-2');
    },
);
$session->refresh();
(new Client(['http_errors' => false]))->get("{$case['url']}/done?aborted=" . connection_aborted());
