<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** Something is not available here, such as the core: the message says how to install it. */
final class Unsupported extends RekindleException
{
}
