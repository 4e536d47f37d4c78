<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** Requests were rejected so often that no more refreshes are made for now. */
final class RefreshLimited extends RekindleException
{
}
