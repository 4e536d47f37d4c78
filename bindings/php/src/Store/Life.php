<?php

declare(strict_types=1);

namespace Rekindle\Store;

/** Of an owner. */
enum Life: string
{
    case Alive = 'alive';
    case Dead = 'dead';
    case Unknown = 'unknown';
}
