<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** The server rejects the client, not the user: its id, its secret, or what it may ask for. */
final class ClientRejected extends RekindleException
{
}
