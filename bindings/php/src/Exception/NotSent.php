<?php

declare(strict_types=1);

namespace Rekindle\Exception;

use RuntimeException;

/** Thrown by a refresh function: the refresh token was certainly not sent. The refresh is tried again later. */
final class NotSent extends RuntimeException
{
}
