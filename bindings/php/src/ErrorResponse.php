<?php

declare(strict_types=1);

namespace Rekindle;

use JsonSerializable;

/** The response behind an error. It may contain tokens: dumps show only its status. */
final class ErrorResponse implements JsonSerializable
{
    use Redacted;

    public readonly int $status;

    /**
     * @internal
     * @param array<string, mixed> $told
     */
    public function __construct(#[\SensitiveParameter] array $told)
    {
        $this->status = $told['status'];
        $this->keep($told);
    }

    /** The URL of the request. Its query may contain a secret. */
    public function url(): string
    {
        return $this->kept()['url'];
    }

    /** Returns the body, at most 8 MiB. */
    public function body(): string
    {
        return $this->kept()['body'];
    }

    /** @return array<string, list<string>> by their names in lower case */
    public function headers(): array
    {
        $headers = [];
        foreach ($this->kept()['headers'] as [$name, $value]) {
            $headers[$name][] = $value;
        }
        return $headers;
    }

    /** Returns what the response says about the token. */
    public function judgement(): Judgement
    {
        return Judgement::told($this->kept());
    }

    public function __debugInfo(): array
    {
        return ['status' => $this->status];
    }
}
