<?php

declare(strict_types=1);

namespace Rekindle\Symfony;

use Closure;
use IteratorAggregate;
use ReflectionFunction;
use Symfony\Component\HttpClient\HttpClientTrait;

/**
 * A request with its options, as Symfony interprets them.
 *
 * @internal
 */
final class Prepared
{
    use HttpClientTrait;

    /** Options that `prepareRequest` has merged into the URL, the headers and the body. */
    private const READ = [
        'auth_basic', 'auth_bearer', 'base_uri', 'body', 'headers', 'json', 'normalized_headers', 'query',
    ];

    /** @param array<string, mixed> $options */
    private function __construct(
        public readonly string $method,
        public readonly string $url,
        #[\SensitiveParameter]
        private readonly array $options,
        private readonly mixed $given,
        private readonly ?int $offset,
    ) {
    }

    /**
     * @param array<string, mixed> $options
     * @param array<string, mixed> $usual
     */
    public static function of(string $method, string $url, #[\SensitiveParameter] array $options, array $usual): self
    {
        $given = $options['body'] ?? '';
        $isFile = is_resource($given) && stream_get_meta_data($given)['seekable'];
        $offset = $isFile ? (int) ftell($given) : null;
        [$parts, $options] = self::prepareRequest($method, $url, $options, $usual, true);
        return new self($method, implode('', $parts), $options, $given, $offset);
    }

    /**
     * @param array<string, mixed> $options
     * @param array<string, mixed> $usual
     * @return array<string, mixed>
     */
    public static function merged(array $options, array $usual): array
    {
        return self::mergeDefaultOptions($options, $usual, true);
    }

    /** @return list<array{string, string}> */
    public function headers(): array
    {
        $pairs = [];
        foreach ($this->options['normalized_headers'] as $name => $lines) {
            foreach ($name === 'content-length' ? [] : $lines as $line) {
                $pairs[] = [(string) $name, trim(explode(':', $line, 2)[1] ?? '')];
            }
        }
        return $pairs;
    }

    /**
     * Describes the body to the core.
     *
     * @return string|array{text: string}
     */
    public function known(): string|array
    {
        $body = $this->options['body'] ?? '';
        return match (true) {
            $body === '' => 'none',
            !is_string($body) => $this->canBeReadTwice() ? 'replayable' : 'once',
            strlen($body) <= 1 << 20 && preg_match('/^\s*[{[]/u', $body) === 1 => ['text' => $body],
            default => 'replayable',
        };
    }

    /** How long the request may take; null: unlimited. */
    public function timeoutMs(): ?int
    {
        $seconds = (float) ($this->options['max_duration'] ?? 0);
        return $seconds > 0 ? max(1, (int) (1000 * $seconds)) : null;
    }

    /**
     * The options to send the request with.
     *
     * @param list<array{string, string}> $signature headers to add
     * @return array<string, mixed>
     */
    public function signed(#[\SensitiveParameter] array $signature): array
    {
        $added = array_column($signature, 0);
        $own = array_filter($this->headers(), static fn (array $pair): bool => !in_array($pair[0], $added, true));
        $lines = array_map(static fn (array $pair): string => "{$pair[0]}: {$pair[1]}", [...array_values($own), ...$signature]);
        return ['headers' => [...$lines, ...$this->length()], 'body' => $this->body(), 'max_redirects' => 0]
            + array_diff_key($this->options, array_flip(self::READ));
    }

    /** A file, an iterable that can be restarted, a generator function. */
    private function canBeReadTwice(): bool
    {
        return $this->offset !== null
            || $this->given instanceof IteratorAggregate
            || ($this->given instanceof Closure && (new ReflectionFunction($this->given))->isGenerator());
    }

    private function body(): mixed
    {
        if (!$this->canBeReadTwice()) {
            return $this->options['body'] ?? '';
        }
        if ($this->offset !== null) {
            fseek($this->given, $this->offset);
        }
        return $this->given;
    }

    /** @return list<string> the length of a file */
    private function length(): array
    {
        $size = $this->offset === null ? null : fstat($this->given)['size'] ?? null;
        return $size === null ? [] : ['Content-Length: ' . max(0, $size - $this->offset)];
    }
}
