<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** No response came. */
final class Connection extends RekindleException
{
}
