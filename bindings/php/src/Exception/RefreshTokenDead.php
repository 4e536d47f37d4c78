<?php

declare(strict_types=1);

namespace Rekindle\Exception;

use RuntimeException;

/** A refresh function throws it: the refresh token is dead, the user must sign in again. */
final class RefreshTokenDead extends RuntimeException
{
}
