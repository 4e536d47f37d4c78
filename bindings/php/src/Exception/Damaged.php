<?php

declare(strict_types=1);

namespace Rekindle\Exception;

use RuntimeException;

/** A store throws it: the record can't be read as it is; it reads as damaged until a sign-in. */
final class Damaged extends RuntimeException
{
}
