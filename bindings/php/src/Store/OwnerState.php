<?php

declare(strict_types=1);

namespace Rekindle\Store;

/** Whether an owner still lives. */
enum OwnerState: string
{
    case Alive = 'alive';
    case Dead = 'dead';
    case Unknown = 'unknown';
}
