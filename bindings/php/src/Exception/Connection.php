<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** No response arrived. */
final class Connection extends RekindleException
{
}
