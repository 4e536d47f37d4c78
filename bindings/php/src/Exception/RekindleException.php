<?php

declare(strict_types=1);

namespace Rekindle\Exception;

use Psr\Http\Client\ClientExceptionInterface;
use Rekindle\Core\Thrown;
use Rekindle\ErrorResponse;
use RuntimeException;
use Throwable;

/** The errors of sessions, one class for each kind. The message says what to do next. They contain no token. */
abstract class RekindleException extends RuntimeException implements ClientExceptionInterface, OfGuzzle, OfSymfony
{
    /** The name of the kind, the same in all languages. */
    public readonly string $kind;

    /**
     * @param bool $retryable whether the same call may succeed later without any change
     * @param string|null $argument the invalid setting or argument
     * @param string|null $oauthError the OAuth error code, if the token endpoint returned one
     * @param int|null $status the HTTP status that caused the error
     * @param float|null $retryAfter after how many seconds to try again
     * @param ErrorResponse|null $response the response that caused the error
     * @param list<array{message: string, code?: string, path?: mixed}> $graphqlErrors
     */
    final public function __construct(
        string $message,
        ?Throwable $previous = null,
        public readonly bool $retryable = false,
        public readonly ?string $argument = null,
        public readonly ?string $oauthError = null,
        public readonly ?int $status = null,
        public readonly ?float $retryAfter = null,
        public readonly ?ErrorResponse $response = null,
        public readonly array $graphqlErrors = [],
    ) {
        $this->kind = substr((string) strrchr(static::class, '\\'), 1);
        parent::__construct($message, 0, $previous);
    }

    /**
     * @internal
     * @param array<string, mixed> $told the core's error
     */
    public static function of(#[\SensitiveParameter] array $told): self
    {
        $class = __NAMESPACE__ . '\\' . $told['kind'];
        if (!is_subclass_of($class, self::class)) {
            $class = System::class;
        }
        $response = ($told['response'] ?? null) === null ? null : new ErrorResponse($told['response']);
        $after = $told['retry_after_ms'] ?? null;
        return new $class(
            $told['message'],
            Thrown::find($told['cause'] ?? null),
            $told['retryable'],
            $told['argument'] ?? null,
            $told['oauth_error'] ?? null,
            $told['status'] ?? $response?->status,
            $after === null ? null : $after / 1000,
            $response,
            $told['graphql_errors'] ?? [],
        );
    }
}
