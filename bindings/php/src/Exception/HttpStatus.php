<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** A `Client`'s request got an error status: see `status` and `response`. */
final class HttpStatus extends RekindleException
{
}
