<?php

declare(strict_types=1);

namespace Rekindle\Exception;

use Symfony\Contracts\HttpClient\Exception\TransportExceptionInterface;

// Whoever catches what Symfony's HttpClient throws catches what a session throws, too.
$is = interface_exists(TransportExceptionInterface::class) ? TransportExceptionInterface::class : NoAdapter::class;
class_alias($is, OfSymfony::class);
