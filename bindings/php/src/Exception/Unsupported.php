<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The core can't be loaded here: the message has the line that installs it. */
final class Unsupported extends RekindleException
{
}
