<?php

declare(strict_types=1);

namespace Rekindle\Core;

use Rekindle\Exception\Damaged;
use Rekindle\Store\Expected;
use Rekindle\Store\OwnerState;
use Rekindle\Store\Owners;
use Rekindle\Store\Store;
use Throwable;

/**
 * Carries out effects with a store.
 *
 * @internal
 */
final class StoreCalls
{
    /**
     * @param array<string, mixed> $asked
     * @return array<string, mixed>
     */
    public static function ask(?Store $store, #[\SensitiveParameter] array $asked): array
    {
        if ($store === null) {
            return ['unavailable' => 'there is no store'];
        }
        try {
            return self::consult($store, $asked);
        } catch (Throwable $error) {
            return ['unavailable' => Redact::text($error->getMessage()), 'damaged' => $error instanceof Damaged];
        }
    }

    /**
     * @param array<string, mixed> $asked
     * @return array<string, mixed>
     */
    private static function consult(Store $store, #[\SensitiveParameter] array $asked): array
    {
        $key = $asked['key'];
        switch ($asked['effect']) {
            case 'load':
                $record = $store->load($key);
                return $record === null ? ['record' => null] : ['record' => $record->text(), 'version' => $record->version];
            case 'save':
                $version = $store->save($key, $asked['record'], Expected::of($asked['expected']));
                return $version === null ? ['conflict' => true] : ['version' => $version];
            case 'announce':
                $store instanceof Owners && $store->announce($key, $asked['owner']);
                return ['announced' => true];
            case 'retire':
                $store instanceof Owners && $store->retire($key, $asked['owner']);
                return ['retired' => true];
            default:
                $state = $store instanceof Owners ? $store->owner($key, $asked['owner']) : OwnerState::Unknown;
                return ['owner' => $state->value];
        }
    }
}
