<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use Exception;

/** Nobody waits any more for what a lane does. */
final class Cancelled extends Exception
{
}
