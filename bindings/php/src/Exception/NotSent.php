<?php

declare(strict_types=1);

namespace Rekindle\Exception;

use RuntimeException;

/** A refresh function throws it: the refresh token was certainly not sent; the refresh is tried again later. */
final class NotSent extends RuntimeException
{
}
