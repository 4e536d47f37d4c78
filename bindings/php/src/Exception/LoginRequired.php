<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The sign-in has ended: the user must sign in again. */
final class LoginRequired extends RekindleException
{
}
