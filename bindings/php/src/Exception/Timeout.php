<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** It took too long; what is under way goes on. */
final class Timeout extends RekindleException
{
}
