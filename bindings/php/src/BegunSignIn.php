<?php

declare(strict_types=1);

namespace Rekindle;

use JsonSerializable;

/** A sign-in that has begun: the browser has not returned yet. */
final class BegunSignIn implements JsonSerializable
{
    use Redacted;

    /** Where to send the browser. */
    public readonly string $url;

    /** The `state` of the authorization request: a parameter of `url`, and of the address that the browser returns to. */
    public readonly string $state;

    /**
     * @internal
     * @param array{url: string, state: string, pending: string} $told
     */
    public function __construct(#[\SensitiveParameter] array $told)
    {
        $this->url = $told['url'];
        $this->state = $told['state'];
        $this->keep($told['pending']);
    }

    /**
     * Returns the data that `finishSignIn` needs when the browser returns, within an hour. It is a secret: keep it in the user's
     * server-side session, and delete it there before `finishSignIn`.
     */
    public function pending(): string
    {
        return $this->kept();
    }

    public function __debugInfo(): array
    {
        return [];
    }
}
