<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use PHPUnit\Framework\TestCase;
use Rekindle\Tests\Conformance\Pattern;
use Rekindle\Tests\Conformance\Play;
use Rekindle\Tests\Conformance\Requests;
use stdClass;

/** The cases that every language plays: through the PSR-18 decorator, and once more through Guzzle and Symfony. */
final class ConformanceTest extends TestCase
{
    private const ONE_AFTER_THE_OTHER = 'a call of PHP\'s returns once nothing is under way in its process: nothing else is done meanwhile';
    /** By id. */
    private const LEFT_OUT = [
        'clock-expiry-one-refresh' => self::ONE_AFTER_THE_OTHER,
        'failure-is-shared' => self::ONE_AFTER_THE_OTHER,
        'sessions-of-one-process-share-a-flight' => self::ONE_AFTER_THE_OTHER,
        'cancel-one-of-two' => self::ONE_AFTER_THE_OTHER,
        'old-token-that-dies' => self::ONE_AFTER_THE_OTHER,
        'invalidate-during-a-flight' => self::ONE_AFTER_THE_OTHER,
        'rejected-by-one-origin-only' => self::ONE_AFTER_THE_OTHER,
        'advisory-window' => self::ONE_AFTER_THE_OTHER,
        'mandatory-window' => self::ONE_AFTER_THE_OTHER,
        'sign-in-during-a-refresh' => self::ONE_AFTER_THE_OTHER,
        'sign-out-during-a-refresh' => self::ONE_AFTER_THE_OTHER,
        'grace-serves-the-old-token-until-saved' => self::ONE_AFTER_THE_OTHER,
    ];
    private const LEFT_OUT_WITH_GUZZLE = [
        'too-many-redirects' => 'Guzzle has a limit and an exception of its own',
    ];

    /** @dataProvider cases */
    public function testThroughPsr18(string $id): void
    {
        self::assertSame([], Play::of(self::written('cases')[$id], Requests::Psr18));
    }

    /** @dataProvider casesWithRequests */
    public function testThroughGuzzle(string $id): void
    {
        self::assertSame([], Play::of(self::written('cases')[$id], Requests::Guzzle));
    }

    /** @dataProvider casesForSymfony */
    public function testThroughSymfony(string $id): void
    {
        self::assertSame([], Play::of(self::written('cases')[$id], Requests::Symfony));
    }

    /** @dataProvider casesThatMustFail */
    public function testARunnerThatPassesThisDoesNotLook(string $id): void
    {
        self::assertNotSame([], Play::of(self::written('must-fail')[$id], Requests::Psr18));
    }

    public function testWhatIsLeftOutIsACaseThatIsThere(): void
    {
        $known = array_keys(self::written('cases'));
        self::assertSame([], array_diff(array_keys(self::LEFT_OUT + self::LEFT_OUT_WITH_GUZZLE), $known));
    }

    /** @return iterable<string, array{string}> */
    public static function cases(): iterable
    {
        foreach (self::written('cases') as $id => $spec) {
            if (self::whyLeftOut($spec) === '' && !self::isOfRedirects($spec)) {
                yield $id => [$id];
            }
        }
    }

    /** @return iterable<string, array{string}> */
    public static function casesWithRequests(): iterable
    {
        foreach (self::written('cases') as $id => $spec) {
            if (self::whyLeftOut($spec) === '' && self::whyLeftOutWithGuzzle($spec) === '') {
                yield $id => [$id];
            }
        }
    }

    /** It follows no redirect either. */
    public static function casesForSymfony(): iterable
    {
        foreach (self::casesWithRequests() as $id => $_) {
            if (!self::isOfRedirects(self::written('cases')[$id])) {
                yield $id => [$id];
            }
        }
    }

    /** @return iterable<string, array{string}> */
    public static function casesThatMustFail(): iterable
    {
        foreach (self::written('must-fail') as $id => $_) {
            yield $id => [$id];
        }
    }

    /** Empty: it is played. */
    private static function whyLeftOut(stdClass $spec): string
    {
        foreach ($spec->operations as $operation) {
            if (isset($operation->timeout_ms) || isset($operation->idempotency_key) || isset($operation->streamed)) {
                return 'neither a PSR-18 client nor Rekindle\Client has this setting of a request';
            }
        }
        if ($spec->topic === 'retry') {
            return 'Rekindle\Client alone sends again for what fails in passing, and gives no responses';
        }
        return self::LEFT_OUT[$spec->id] ?? '';
    }

    private static function whyLeftOutWithGuzzle(stdClass $spec): string
    {
        if (array_filter($spec->operations, static fn (stdClass $one): bool => $one->op === 'request') === []) {
            return 'nothing goes through Guzzle';
        }
        if (array_filter($spec->operations, static fn (stdClass $one): bool => isset($one->lane) || ($one->times ?? 1) > 1) !== []) {
            return 'Guzzle runs the promises of all requests in one queue, where one that waits holds up the others';
        }
        return self::LEFT_OUT_WITH_GUZZLE[$spec->id] ?? '';
    }

    /** A PSR-18 client gives a redirect to its caller; Guzzle follows it. */
    private static function isOfRedirects(stdClass $spec): bool
    {
        $isFollowed = static fn (stdClass $one): bool => $one->op === 'request' && ($one->follow_redirects ?? true);
        $follows = array_filter($spec->operations, $isFollowed);
        return $follows !== [] && preg_match('/"location":/i', Pattern::json($spec)) === 1;
    }

    /**
     * By id. Tests are given ids alone: PHPUnit keeps what it gives them, and dumps of stack traces would show it.
     *
     * @return array<string, stdClass>
     */
    private static function written(string $name): array
    {
        static $read = [];
        if (!isset($read[$name])) {
            $text = (string) file_get_contents(dirname(__DIR__, 3) . "/tests/conformance/{$name}.json");
            $read[$name] = array_column(json_decode($text, false, 512, JSON_THROW_ON_ERROR)->cases, null, 'id');
        }
        return $read[$name];
    }
}
