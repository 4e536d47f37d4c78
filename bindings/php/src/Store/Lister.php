<?php

declare(strict_types=1);

namespace Rekindle\Store;

/** For stores that can list the keys of their records: for `App::accounts`. */
interface Lister
{
    /** @return list<string> */
    public function keys(): array;
}
