<?php

declare(strict_types=1);

namespace Rekindle\Exception;

use RuntimeException;

/** Thrown by a store: the record is damaged. The session reports that until a sign-in replaces it. */
final class Damaged extends RuntimeException
{
}
