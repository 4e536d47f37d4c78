<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** A response is not what was expected, such as a body that is not JSON. */
final class InvalidResponse extends RekindleException
{
}
