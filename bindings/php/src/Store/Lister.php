<?php

declare(strict_types=1);

namespace Rekindle\Store;

/** Stores that can list the keys of their records, for `App::accounts`. */
interface Lister
{
    /** @return list<string> in any order, each once */
    public function keys(): array;
}
