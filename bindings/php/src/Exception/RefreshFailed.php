<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The refresh failed; the sign-in may still be good. */
final class RefreshFailed extends RekindleException
{
}
