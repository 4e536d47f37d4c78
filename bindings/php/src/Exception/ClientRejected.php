<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The server rejected the client, not the user: its ID, its secret, or its permissions. */
final class ClientRejected extends RekindleException
{
}
