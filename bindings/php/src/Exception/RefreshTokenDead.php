<?php

declare(strict_types=1);

namespace Rekindle\Exception;

use RuntimeException;

/** Thrown by a refresh function: the server rejected the refresh token for good, and the user must sign in again. */
final class RefreshTokenDead extends RuntimeException
{
}
