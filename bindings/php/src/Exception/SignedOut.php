<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The session was signed out. */
final class SignedOut extends RekindleException
{
}
