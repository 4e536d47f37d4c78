<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PHPUnit\Framework\TestCase;
use Rekindle\Guzzle\Redirects;

/** Guzzle follows redirects itself, so the list of what may go along stands in PHP too: it is the core's, and Host, which Guzzle sets. */
final class RedirectsTest extends TestCase
{
    // spec 9.5
    public function testWhatMayGoAlongIsWhatTheCoreLetsGoAlong(): void
    {
        $core = (string) file_get_contents(dirname(__DIR__, 3) . '/core/src/call/redirect.rs');
        self::assertSame(1, preg_match('/const HARMLESS: \[&str; (\d+)\] = \[(.*?)\];/s', $core, $found));
        preg_match_all('/"([^"]+)"/', $found[2], $names);
        self::assertCount((int) $found[1], $names[1]);
        $ours = (new \ReflectionClassConstant(Redirects::class, 'HARMLESS'))->getValue();
        self::assertEqualsCanonicalizing([...$names[1], 'host'], $ours);
    }
}
