<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The refresh failed. The sign-in may still be valid. */
final class RefreshFailed extends RekindleException
{
}
