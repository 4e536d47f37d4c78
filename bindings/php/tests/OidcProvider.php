<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use RuntimeException;

/** oidc-provider on loopback, as `tests/idp` starts it: a client `pub`, and an API at `/api/data`. It ends with its input. */
final class OidcProvider
{
    public readonly string $url;
    /** @var resource */
    private $process;
    /** @var array<int, resource> */
    private array $pipes = [];

    /** @param array<string, string> $environment */
    public function __construct(array $environment = [])
    {
        $program = dirname(__DIR__, 3) . '/tests/idp/node/oidc.mjs';
        $process = proc_open(['node', $program], [['pipe', 'r'], ['pipe', 'w']], $this->pipes, env_vars: $environment + getenv());
        $this->process = $process ?: throw new RuntimeException('node does not start');
        $first = (string) fgets($this->pipes[1]);
        $told = json_decode($first, true);
        if (!is_array($told)) {
            throw new RuntimeException('oidc-provider did not start: is it installed? cargo xtask test --install');
        }
        $this->url = $told['url'];
    }

    public function __destruct()
    {
        array_map(fclose(...), $this->pipes);
        proc_close($this->process);
    }

    /** @return array<string, int> */
    public function stats(): array
    {
        return json_decode((string) file_get_contents("{$this->url}/stats"), true, 512, JSON_THROW_ON_ERROR);
    }

    /** What a person does in a browser until it is led elsewhere: the address; null where the server has no form any more. */
    public function person(string $url): ?string
    {
        return (new Person())->goes($url, $this->url);
    }
}
