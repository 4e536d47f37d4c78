<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** A call that makes no sense. */
final class Misuse extends RekindleException
{
}
