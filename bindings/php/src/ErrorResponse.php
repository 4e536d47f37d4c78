<?php

declare(strict_types=1);

namespace Rekindle;

use JsonSerializable;

/** A response that led to an error. It may hold tokens: dumped, it shows its status alone. */
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

    /** Where it came from. Its query may hold a secret. */
    public function url(): string
    {
        return $this->kept()['url'];
    }

    /** The body, as far as it was read. */
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

    /** What it says about the token that was sent. */
    public function judgement(): Judgement
    {
        return Judgement::told($this->kept());
    }

    public function __debugInfo(): array
    {
        return ['status' => $this->status];
    }
}
