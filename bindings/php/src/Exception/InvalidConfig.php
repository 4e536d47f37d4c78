<?php

declare(strict_types=1);

namespace Rekindle\Exception;

/** A setting is wrong: `argument` names it. */
final class InvalidConfig extends RekindleException
{
}
