<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** A request was redirected too often. */
final class TooManyRedirects extends RekindleException
{
}
