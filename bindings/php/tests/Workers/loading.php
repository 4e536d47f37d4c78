<?php

declare(strict_types=1);

// Makes a session, and prints what became of it.

use Rekindle\Exception\Unsupported;
use Rekindle\Session;
use Rekindle\Tokens;

require_once dirname(__DIR__) . '/bootstrap.php';

try {
    echo (new Session(tokenUrl: 'https://auth.example.com/token', tokens: new Tokens('AT-1', 'RT-1')))->token()->generation;
} catch (Unsupported $error) {
    echo $error->getMessage();
}
