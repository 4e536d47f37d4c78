<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The store can't be read or written. */
final class StoreUnavailable extends RekindleException
{
}
