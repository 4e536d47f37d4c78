<?php

declare(strict_types=1);

namespace Rekindle\Exception;

use Throwable;

/**
 * Replaces the exception interfaces of HTTP clients that are not installed.
 *
 * @internal
 */
interface NoAdapter extends Throwable
{
}
