<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** A call took too long. A refresh in progress continues. */
final class Timeout extends RekindleException
{
}
