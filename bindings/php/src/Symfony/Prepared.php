<?php

declare(strict_types=1);

namespace Rekindle\Symfony;

use Symfony\Component\HttpClient\HttpClientTrait;

/**
 * A request with its options as Symfony reads them.
 *
 * @internal
 */
final class Prepared
{
    use HttpClientTrait;

    /** What is in the URL, the headers and the body by then. */
    private const READ = [
        'auth_basic', 'auth_bearer', 'base_uri', 'body', 'headers', 'json', 'normalized_headers', 'query',
    ];

    /** @param array<string, mixed> $options */
    private function __construct(
        public readonly string $method,
        public readonly string $url,
        #[\SensitiveParameter]
        private readonly array $options,
    ) {
    }

    /**
     * @param array<string, mixed> $options
     * @param array<string, mixed> $usual
     */
    public static function of(string $method, string $url, #[\SensitiveParameter] array $options, array $usual): self
    {
        [$parts, $options] = self::prepareRequest($method, $url, $options, $usual, true);
        return new self($method, implode('', $parts), $options);
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
     * What the core has to know of the body.
     *
     * @return string|array{text: string}
     */
    public function known(): string|array
    {
        $body = $this->options['body'] ?? '';
        return match (true) {
            $body === '' => 'none',
            !is_string($body) => 'once',
            strlen($body) <= 1 << 20 && preg_match('/^\s*[{[]/u', $body) === 1 => ['text' => $body],
            default => 'replayable',
        };
    }

    /**
     * The options it is sent with.
     *
     * @param list<array{string, string}> $signature headers to add
     * @return array<string, mixed>
     */
    public function signed(#[\SensitiveParameter] array $signature): array
    {
        $added = array_column($signature, 0);
        $own = array_filter($this->headers(), static fn (array $pair): bool => !in_array($pair[0], $added, true));
        $lines = array_map(static fn (array $pair): string => "{$pair[0]}: {$pair[1]}", [...array_values($own), ...$signature]);
        return ['headers' => $lines, 'body' => $this->options['body'] ?? '', 'max_redirects' => 0]
            + array_diff_key($this->options, array_flip(self::READ));
    }
}
