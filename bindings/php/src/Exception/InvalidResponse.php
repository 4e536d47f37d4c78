<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** A response makes no sense. */
final class InvalidResponse extends RekindleException
{
}
