<?php

declare(strict_types=1);

namespace Rekindle\Exception;

use Throwable;

/**
 * Stands for the exceptions of an HTTP client that is not installed.
 *
 * @internal
 */
interface NoAdapter extends Throwable
{
}
