<?php

declare(strict_types=1);

namespace Rekindle;

/** The result of a sign-in of an `App`. */
final class SignedIn
{
    /**
     * @internal
     * @param string $key the user's key, for `App::session`
     * @param string|null $returnTo the path that `beginSignIn` was given
     */
    public function __construct(
        public readonly Session $session,
        public readonly string $key,
        public readonly ?string $returnTo,
    ) {
    }
}
