<?php

declare(strict_types=1);

// A person with a browser, as $BROWSER: signs in at the server whose address is in $SERVER, and loads the page it is led to. Prints it.

use Rekindle\Tests\Person;

require_once dirname(__DIR__) . '/bootstrap.php';

$callback = (new Person())->goes($argv[1], (string) getenv('SERVER'));
if ($callback === null) {
    exit;
}
$load = static function (string $url): string {
    $context = stream_context_create(['http' => ['ignore_errors' => true, 'header' => 'Accept: text/html']]);
    $page = @file_get_contents($url, context: $context);
    return ($http_response_header[0] ?? 'no answer') . "\n{$page}";
};
// A program of this machine that guesses is turned away, and the wait goes on.
echo json_encode([
    'guessed' => $load((string) preg_replace('/state=[^&]*/', 'state=guessed', $callback)),
    'elsewhere' => $load((string) preg_replace('#(://[^/]*/).*#', '$1elsewhere', $callback)),
    'page' => $load($callback),
    'callback' => $callback,
], JSON_THROW_ON_ERROR);
