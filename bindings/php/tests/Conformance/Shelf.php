<?php

declare(strict_types=1);

namespace Rekindle\Tests\Conformance;

use stdClass;

/** One record that all sessions of a case share, and that fails on demand. */
final class Shelf
{
    public ?string $record = null;
    public string $loading = 'works';
    public string $saving = 'works';
    public int $saves = 0;
    /** @var array<string, Actor> */
    public array $owners = [];

    public function set(stdClass $spec): void
    {
        $this->loading = $spec->load ?? $this->loading;
        $this->saving = $spec->save ?? $this->saving;
        if (isset($spec->damage)) {
            $this->saves++;
            $this->record = self::damaged((string) $this->record, $spec->damage);
        }
    }

    public function stored(): stdClass
    {
        return (object) ($this->record === null ? ['present' => false] : ['present' => true, 'text' => $this->record]);
    }

    /** What is left of a record; null: nothing. */
    public static function damaged(string $record, string $how): ?string
    {
        return match ($how) {
            'remove' => null,
            'empty' => '',
            'truncate' => substr($record, 0, intdiv(strlen($record), 2)),
            'garbage' => str_repeat('#', strlen($record)),
            default => "{$record}}trailing",
        };
    }
}
