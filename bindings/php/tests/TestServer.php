<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use RuntimeException;

/** rekindle-test-server, one a test. It ends with its input. */
final class TestServer
{
    public readonly string $url;
    /** @var resource */
    private $process;
    /** @var array<int, resource> */
    private array $pipes = [];

    /** @param array<string, mixed>|null $model of an authorization server; null: only what is scripted */
    public function __construct(?array $model = null)
    {
        $program = getenv('REKINDLE_TEST_SERVER');
        if (!is_string($program)) {
            throw new RuntimeException('REKINDLE_TEST_SERVER must name the program rekindle-test-server');
        }
        $command = $model === null ? [$program] : [$program, self::json($model + ['token_prefix' => 'SECRET-'])];
        $process = proc_open($command, [['pipe', 'r'], ['pipe', 'w']], $this->pipes);
        if ($process === false) {
            throw new RuntimeException("{$program} does not start");
        }
        $this->process = $process;
        $this->url = json_decode((string) fgets($this->pipes[1]), true, 512, JSON_THROW_ON_ERROR)['url'];
    }

    public function __destruct()
    {
        array_map(fclose(...), $this->pipes);
        proc_close($this->process);
    }

    /** @param list<array<string, mixed>> $steps */
    public function play(array $steps): void
    {
        $this->control('POST', '/__script', ['steps' => $steps]);
    }

    /** @return array<string, mixed> of a new sign-in */
    public function signIn(): array
    {
        return $this->control('POST', '/__sign_in');
    }

    /** @return array<string, int> */
    public function counters(): array
    {
        return $this->control('GET', '/__counters');
    }

    public function control(string $method, string $path, mixed $body = null): mixed
    {
        $handle = curl_init($this->url . $path);
        curl_setopt_array($handle, [CURLOPT_CUSTOMREQUEST => $method, CURLOPT_RETURNTRANSFER => true]);
        if ($body !== null) {
            curl_setopt_array($handle, [CURLOPT_POSTFIELDS => self::json($body), CURLOPT_HTTPHEADER => ['Content-Type: application/json']]);
        }
        $text = curl_exec($handle);
        $status = curl_getinfo($handle, CURLINFO_RESPONSE_CODE);
        if (!is_string($text) || ($status >= 400 && $status !== 409)) {
            throw new RuntimeException("{$method} {$path}: {$status} {$text}");
        }
        return $text === '' ? null : json_decode($text, true, 512, JSON_THROW_ON_ERROR);
    }

    private static function json(mixed $value): string
    {
        return json_encode($value, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES);
    }
}
