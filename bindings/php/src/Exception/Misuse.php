<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** A call that is not allowed here: a bug in the program. */
final class Misuse extends RekindleException
{
}
