<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** A request was led on too often. */
final class TooManyRedirects extends RekindleException
{
}
