<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The sign-in is lost for good: the user must sign in again. */
final class LoginRequired extends RekindleException
{
}
