<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PHPUnit\Framework\TestCase;
use ReflectionMethod;

/** The code in the README, as a new user copies it. */
final class ReadmeTest extends TestCase
{
    /** @return iterable<int, array{string}> */
    public static function blocks(): iterable
    {
        preg_match_all('/```php\n(.*?)```/s', (string) file_get_contents(dirname(__DIR__) . '/README.md'), $found);
        foreach ($found[1] as $block) {
            yield [$block];
        }
    }

    /** @dataProvider blocks */
    public function testABlockNamesOnlyClassesAndParametersThatExist(string $block): void
    {
        // It throws if the block is no PHP.
        $tokens = array_values(array_filter(
            \PhpToken::tokenize("<?php\n{$block}", TOKEN_PARSE),
            static fn (\PhpToken $one): bool => !$one->isIgnorable(),
        ));
        $imported = self::imported($block);
        $checked = 0;
        foreach ($tokens as $at => $token) {
            $isNew = $at > 0 && $tokens[$at - 1]->is(T_NEW);
            $isStatic = ($tokens[$at + 1] ?? null)?->is(T_DOUBLE_COLON);
            if (!$token->is([T_STRING, T_NAME_QUALIFIED]) || (!$isNew && !$isStatic)) {
                continue;
            }
            $class = $imported[$token->text] ?? $token->text;
            self::assertTrue(class_exists($class), "{$class} is not there: is it imported?");
            $method = new ReflectionMethod($class, $isStatic ? $tokens[$at + 2]->text : '__construct');
            foreach (self::argumentsFrom($tokens, $at + ($isStatic ? 3 : 1)) as $name) {
                $known = array_map(static fn (\ReflectionParameter $one): string => $one->name, $method->getParameters());
                $more = $method->isVariadic() ? array_keys(get_class_vars(\Rekindle\SignInOptions::class)) : [];
                $more = $method->isVariadic() ? [...$more, 'origins', 'store', 'tokenUrl'] : $more;
                self::assertContains($name, [...$known, ...$more], "{$class} has no {$name}");
            }
            $checked++;
        }
        self::assertGreaterThan(0, $checked);
    }

    /** @return array<string, string> full names by the last part */
    private static function imported(string $block): array
    {
        $names = [];
        preg_match_all('/^use ([\w\\\\]+?)(?:\\\\\{([^}]*)\})?;$/m', $block, $uses, PREG_SET_ORDER);
        foreach ($uses as $use) {
            foreach (isset($use[2]) ? explode(',', $use[2]) : [null] as $member) {
                $full = $member === null ? $use[1] : $use[1] . '\\' . trim($member);
                $names[(string) substr((string) strrchr("\\{$full}", '\\'), 1)] = $full;
            }
        }
        return $names;
    }

    /**
     * The names of a call's arguments, whose parenthesis opens at that token.
     *
     * @param list<\PhpToken> $tokens
     * @return list<string>
     */
    private static function argumentsFrom(array $tokens, int $at): array
    {
        $names = [];
        for ($depth = 0; isset($tokens[$at]); $at++) {
            $depth += $tokens[$at]->is(['(', '[']) ? 1 : ($tokens[$at]->is([')', ']']) ? -1 : 0);
            if ($depth === 0) {
                break;
            }
            if ($depth === 1 && $tokens[$at]->is(T_STRING) && $tokens[$at + 1]->is(':')) {
                $names[] = $tokens[$at]->text;
            }
        }
        return $names;
    }
}
