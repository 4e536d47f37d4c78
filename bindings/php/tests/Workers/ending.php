<?php

declare(strict_types=1);

// A session that is kept alive by a cycle outlives the core at the end of the process.

use Rekindle\Session;
use Rekindle\Tokens;

require_once dirname(__DIR__) . '/bootstrap.php';

$session = new Session(tokenUrl: 'https://auth.example.com/token', tokens: new Tokens('AT-1', 'RT-1'));
$holder = new class ($session) {
    public object $self;

    public function __construct(public readonly Session $session)
    {
        $this->self = $this;
    }

    public function __destruct()
    {
        try {
            $this->session->token();
            echo 'answered';
        } catch (Rekindle\Exception\Misuse) {
            echo 'ended';
        }
    }
};
$session->token();
