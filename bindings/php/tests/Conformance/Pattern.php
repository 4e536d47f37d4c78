<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use stdClass;

/** The patterns of cases: objects may have further members, lists may not. */
final class Pattern
{
    /** The first difference, by its path; empty: there is none. Objects are `stdClass`. */
    public static function differs(mixed $pattern, mixed $actual, string $path): string
    {
        if ($pattern instanceof stdClass) {
            $names = array_map(strval(...), array_keys((array) $pattern));
            if ($names !== [] && self::areMatchers($names)) {
                return self::first($names, static fn (string $name): string => self::applies($name, $pattern->$name, $actual, $path));
            }
            if ($actual instanceof stdClass) {
                return self::first($names, static fn (string $name): string => self::member($name, $pattern->$name, $actual, $path));
            }
        } elseif (is_array($pattern) && is_array($actual) && count($pattern) === count($actual)) {
            $places = array_map(strval(...), array_keys($pattern));
            return self::first($places, static fn (string $at): string => self::differs($pattern[$at], $actual[$at], "{$path}[{$at}]"));
        } elseif (is_scalar($pattern) || $pattern === null) {
            if (self::kind($pattern) === self::kind($actual) && $pattern == $actual) {
                return '';
            }
        }
        return "{$path}: " . self::json($actual) . ' instead of ' . self::json($pattern);
    }

    /** As JSON reads it: lists and objects. */
    public static function plain(mixed $value): mixed
    {
        return json_decode(self::json($value), false, 512, JSON_THROW_ON_ERROR);
    }

    public static function json(mixed $value): string
    {
        return json_encode($value, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE);
    }

    /** @param list<string> $names */
    private static function areMatchers(array $names): bool
    {
        return array_filter($names, static fn (string $name): bool => !str_starts_with($name, '$')) === [];
    }

    private static function member(string $name, mixed $wanted, stdClass $found, string $path): string
    {
        if (property_exists($found, $name)) {
            return self::differs($wanted, $found->$name, "{$path}.{$name}");
        }
        $mayLack = $wanted instanceof stdClass && ($wanted->{'$absent'} ?? false) === true;
        return $mayLack ? '' : "{$path}.{$name} is missing, expected " . self::json($wanted);
    }

    private static function applies(string $name, mixed $wanted, mixed $actual, string $path): string
    {
        $isNumber = is_int($actual) || is_float($actual);
        $fits = match ($name) {
            '$any' => true,
            '$type' => self::kind($actual) === $wanted,
            '$at_least' => $isNumber && $actual >= $wanted,
            '$at_most' => $isNumber && $actual <= $wanted,
            '$contains' => self::contained((array) $wanted, $actual) === count((array) $wanted),
            '$lacks' => self::contained((array) $wanted, $actual) === 0,
            default => false,
        };
        return $fits ? '' : "{$path}: " . self::json($actual) . " against {$name} " . self::json($wanted);
    }

    /**
     * Messages spell settings as PHP does: `tokenUrl` where a case says `token_url`.
     *
     * @param array<string> $wanted
     */
    private static function contained(array $wanted, mixed $actual): int
    {
        return count(array_filter($wanted, static function (string $one) use ($actual): bool {
            $spelled = lcfirst(str_replace('_', '', ucwords($one, '_')));
            $isSetting = preg_match('/^[a-z]+(_[a-z]+)+$/', $one) === 1;
            return is_string($actual) && (str_contains($actual, $one) || ($isSetting && str_contains($actual, $spelled)));
        }));
    }

    /**
     * @param list<string> $names
     * @param callable(string): string $look
     */
    private static function first(array $names, callable $look): string
    {
        foreach ($names as $name) {
            $complaint = $look($name);
            if ($complaint !== '') {
                return $complaint;
            }
        }
        return '';
    }

    private static function kind(mixed $value): string
    {
        return match (true) {
            $value === null => 'null',
            is_bool($value) => 'boolean',
            is_string($value) => 'string',
            is_array($value) => 'array',
            is_object($value) => 'object',
            default => 'number',
        };
    }
}
