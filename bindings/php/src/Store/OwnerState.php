<?php

declare(strict_types=1);

namespace Rekindle\Store;

/** Whether the process that holds a refresh is still running. */
enum OwnerState: string
{
    case Alive = 'alive';
    case Dead = 'dead';
    case Unknown = 'unknown';
}
