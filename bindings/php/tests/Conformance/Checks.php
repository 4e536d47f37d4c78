<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use Rekindle\Tests\TestServer;
use stdClass;

/** What is expected once all operations are done. */
final class Checks
{
    public function __construct(private readonly Stage $stage)
    {
    }

    public static function hasHeard(Actor $actor, mixed $event): bool
    {
        $pattern = self::eventPattern($event);
        return array_filter($actor->heard, static fn (stdClass $one): bool => Pattern::differs($pattern, $one, '') === '') !== [];
    }

    public function check(): void
    {
        $stage = $this->stage;
        $expect = $stage->spec->expect ?? new stdClass();
        foreach ($stage->actors as $name => $actor) {
            assert($actor->session !== null);
            $stage->mustNotLeak('a session', print_r($actor->session, true), Pattern::json($actor->session));
            $counters = $expect->counters ?? new stdClass();
            $own = $name === 'main' ? self::withoutSessions($counters) : $counters->$name ?? new stdClass();
            $stage->complain(Pattern::differs($own, Pattern::plain((object) $actor->session->stats()), "counters of {$name}"));
            $stage->mustNotLeak('an event', Pattern::json($actor->heard));
            if (isset($expect->events)) {
                $stage->complain(Pattern::differs($this->wanted($name), $actor->heard, "events of {$name}"));
            }
        }
        $this->served('server', $stage->server, $expect->server_log ?? []);
        if ($stage->other !== null) {
            $this->served('other', $stage->other, $expect->other_log ?? []);
        }
        if (isset($expect->model)) {
            $stage->complain(Pattern::differs($expect->model, Pattern::plain((object) $stage->server->counters()), 'model'));
        }
        if (isset($expect->stored)) {
            $stage->complain(Pattern::differs($expect->stored, Pattern::plain($stage->stored()), 'stored'));
        }
    }

    /** Those of other sessions stand under the sessions' names. */
    private static function withoutSessions(stdClass $counters): stdClass
    {
        $isOwn = static fn (mixed $value): bool => !$value instanceof stdClass || str_starts_with((string) key((array) $value), '$');
        return (object) array_filter((array) $counters, $isOwn);
    }

    /** @return list<stdClass> */
    private function wanted(string $name): array
    {
        $wanted = [];
        foreach ($this->stage->spec->expect->events as $event) {
            $isOfIt = ($event->session ?? 'main') === $name;
            for ($left = $isOfIt ? $event->times ?? 1 : 0; $left > 0; $left--) {
                $wanted[] = self::eventPattern($event);
            }
        }
        return $wanted;
    }

    /** A name alone stands for any event of that name. */
    private static function eventPattern(mixed $event): stdClass
    {
        return (object) (is_string($event) ? ['name' => $event] : array_diff_key((array) $event, ['session' => 1, 'times' => 1]));
    }

    /**
     * The script is used up, nothing else was asked for, and each entry was seen as often as it says.
     *
     * @param list<stdClass> $wanted
     */
    private function served(string $name, TestServer $server, array $wanted): void
    {
        foreach ($server->control('GET', '/__consumed')['complaints'] as $complaint) {
            $this->stage->complain("{$name}: {$complaint}");
        }
        $log = array_map(self::logged(...), $server->control('GET', '/__log'));
        foreach ($wanted as $entry) {
            $pattern = (object) array_diff_key((array) $entry, ['count' => 1]);
            $found = count(array_filter($log, static fn (mixed $one): bool => Pattern::differs($pattern, $one, '') === ''));
            $this->stage->complain(Pattern::differs($entry->count ?? 1, $found, "{$name}: count of " . Pattern::json($pattern)));
        }
    }

    /** @param array<string, mixed> $request */
    private static function logged(array $request): mixed
    {
        $authorization = (string) ($request['authorization'] ?? '');
        $token = str_contains($authorization, ' ') ? explode(' ', $authorization, 2)[1] : $authorization;
        $headers = (object) array_column($request['headers'], 1, 0);
        return Pattern::plain(['headers' => $headers, 'token' => $token] + $request);
    }
}
