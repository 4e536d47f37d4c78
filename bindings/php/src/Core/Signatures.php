<?php

declare(strict_types=1);

namespace Rekindle\Core;

use Rekindle\SigningKey;
use WeakMap;

/**
 * Adds the signatures that the core left open. Sessions that share a state in the core may each have a SigningKey of their own: any of
 * them can sign, as long as it exists.
 *
 * @internal
 */
final class Signatures
{
    /** @var WeakMap<SigningKey, true> */
    private WeakMap $keys;

    public function __construct()
    {
        $this->keys = new WeakMap();
    }

    /** @param list<SigningKey> $keys */
    public function add(array $keys): void
    {
        foreach ($keys as $key) {
            $this->keys[$key] = true;
        }
    }

    /**
     * @param array<string, mixed> $outgoing with `headers` and perhaps `body`: the effect `send`, or the result of a call
     * @return array<string, mixed>
     */
    public function complete(#[\SensitiveParameter] array $outgoing): array
    {
        foreach ($this->keys as $key => $_) {
            foreach ($outgoing['headers'] ?? [] as $at => [, $value]) {
                $outgoing['headers'][$at][1] = $key->complete($value);
            }
            if (is_string($outgoing['body'] ?? null)) {
                $outgoing['body'] = $key->complete($outgoing['body']);
            }
        }
        return $outgoing;
    }
}
