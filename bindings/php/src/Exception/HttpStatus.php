<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** A client's request was answered with an error status: see `status` and `response`. */
final class HttpStatus extends RekindleException
{
}
