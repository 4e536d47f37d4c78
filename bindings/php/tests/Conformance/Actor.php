<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use Rekindle\Client;
use Rekindle\Event;
use Rekindle\Session;
use stdClass;

/** A session of a case. */
final class Actor
{
    public ?Session $session = null;
    public ?Client $client = null;
    public int $number = 0;
    /** Its process is gone. */
    public bool $ended = false;
    /** @var list<stdClass> */
    public array $heard = [];

    public function __construct(public readonly WatchedCore $core)
    {
    }

    public function hear(Event $event): void
    {
        $details = array_filter($event->details, static fn (mixed $value): bool => $value !== null);
        $told = ['name' => $event->name, 'lineage' => $event->lineage, 'generation' => $event->generation];
        $this->heard[] = Pattern::plain($told + $details);
    }
}
