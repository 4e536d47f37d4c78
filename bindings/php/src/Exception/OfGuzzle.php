<?php

declare(strict_types=1);

namespace Rekindle\Exception;

use GuzzleHttp\Exception\GuzzleException;

// Whoever catches what Guzzle throws catches what a session throws, too.
$is = interface_exists(GuzzleException::class) ? GuzzleException::class : NoAdapter::class;
class_alias($is, OfGuzzle::class);
