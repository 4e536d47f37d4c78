<?php

declare(strict_types=1);

namespace Rekindle\Store;

use Closure;
use JsonSerializable;
use Redis;
use Rekindle\Redacted;
use RuntimeException;

/**
 * Keeps records in Redis, for all processes and machines that use it. Redis must persist them (`appendonly yes`) and must not evict them.
 *
 *     $store = new RedisStore(static function (): Redis {
 *         $redis = new Redis();
 *         $redis->connect('127.0.0.1');
 *         return $redis;
 *     });
 */
final class RedisStore implements Store, Lister, JsonSerializable
{
    use Redacted;

    /** ARGV: the condition (`absent`, `anything`, or a version), the new version, the record. */
    private const SAVE = <<<'LUA'
        local version = redis.call('HGET', KEYS[1], 'version')
        if ARGV[1] ~= 'anything' and (version or 'absent') ~= ARGV[1] then return 0 end
        redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3])
        return 1
        LUA;

    private ?Redis $redis = null;
    private int $process = 0;

    /**
     * @param Closure(): Redis $connect opens a connection, without a serializer; called again after a fork
     * @param string|null $identity names the server, without secrets: sessions of the same identity and settings share a state
     */
    public function __construct(Closure $connect, private readonly string $prefix = 'rekindle:', private readonly ?string $identity = null)
    {
        $this->keep($connect);
    }

    public function load(string $key): ?Record
    {
        $found = $this->redis()->hMGet($this->prefix . $key, ['record', 'version']);
        if (!is_array($found)) {
            throw new RuntimeException('Redis did not return the record: ' . $this->redis()->getLastError());
        }
        $isThere = is_string($found['record']) && is_string($found['version']);
        return $isThere ? new Record($found['record'], $found['version']) : null;
    }

    public function save(string $key, #[\SensitiveParameter] string $record, Expected $expected): ?string
    {
        $version = bin2hex(random_bytes(8));
        $wanted = $expected->version ?? ($expected->absent ? 'absent' : 'anything');
        $saved = $this->redis()->eval(self::SAVE, [$this->prefix . $key, $wanted, $version, $record], 1);
        if (!is_int($saved)) {
            throw new RuntimeException('Redis did not save the record: ' . $this->redis()->getLastError());
        }
        return $saved === 1 ? $version : null;
    }

    public function keys(): array
    {
        $redis = $this->redis();
        // The connection may add a prefix of its own; a raw command does not.
        $prefix = $redis->_prefix($this->prefix);
        $pattern = preg_replace('/[*?\[\]\\\\]/', '\\\\$0', $prefix) . '*';
        $keys = [];
        $cursor = '0';
        do {
            $found = $redis->rawCommand('SCAN', $cursor, 'MATCH', $pattern, 'COUNT', '1000');
            if (!is_array($found)) {
                throw new RuntimeException('Redis did not list its keys: ' . $redis->getLastError());
            }
            [$cursor, $names] = $found;
            foreach ($names as $name) {
                // Redis may return a key more than once.
                $keys[substr($name, strlen($prefix))] = true;
            }
        } while ($cursor !== '0');
        return array_map(strval(...), array_keys($keys));
    }

    public function identity(): ?string
    {
        return $this->identity;
    }

    public function isShared(): bool
    {
        return true;
    }

    public function __debugInfo(): array
    {
        return ['prefix' => $this->prefix, 'identity' => $this->identity];
    }

    private function redis(): Redis
    {
        if ($this->redis === null || $this->process !== getmypid()) {
            $this->redis = ($this->kept())();
            $this->process = (int) getmypid();
        }
        return $this->redis;
    }
}
