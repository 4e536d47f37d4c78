<?php

declare(strict_types=1);

namespace Rekindle;

/** Who signed in. */
final class SignedIn
{
    /**
     * @internal
     * @param string $key what they are called here: for `App::session`
     * @param string|null $returnTo where they go afterwards
     */
    public function __construct(
        public readonly Session $session,
        public readonly string $key,
        public readonly ?string $returnTo,
    ) {
    }
}
