<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** Requests were rejected so often that refreshes are paused. */
final class RefreshLimited extends RekindleException
{
}
