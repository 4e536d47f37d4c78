<?php

declare(strict_types=1);

namespace Rekindle;

use JsonSerializable;

/** A sign-in that waits for the browser to come back. */
final class BegunSignIn implements JsonSerializable
{
    use Redacted;

    /** Where the browser goes. */
    public readonly string $url;

    /** It is in the URL, and in the address that the browser comes back with. */
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
     * What must be known when the browser comes back, for an hour. It is a secret: keep it in the user's server-side session, and take
     * it out of there before `finishSignIn`.
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
