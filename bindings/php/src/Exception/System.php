<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The operating system, or the core itself, failed. */
final class System extends RekindleException
{
}
