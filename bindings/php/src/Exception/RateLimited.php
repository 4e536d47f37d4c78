<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The server asks to wait: see `retryAfter`. */
final class RateLimited extends RekindleException
{
}
