<?php

declare(strict_types=1);

namespace Rekindle\Core;

use CurlHandle;
use CurlMultiHandle;

/**
 * Token requests under way. A refresh token may be spent with each: none is sent twice, and none is led elsewhere.
 *
 * @internal
 */
final class TokenRequests
{
    /** The core reads no more of an answer. */
    private const MOST_ANSWER = 1 << 20;
    /**
     * Certainly nothing was sent: no proxy, no name, no connection, no TLS. CURLE_UNSUPPORTED_PROTOCOL is not among them: curl says it
     * of an answer that is no HTTP, too.
     */
    private const NOT_SENT = [
        CURLE_URL_MALFORMAT, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT,
        CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT, CURLE_SSL_CACERT_BADFILE,
    ];

    private readonly CurlMultiHandle $multi;
    /** @var array<int, CurlHandle> by the core's number */
    private array $underWay = [];
    /** @var array<int, ReceivedAnswer> */
    private array $received = [];

    public function __construct()
    {
        $this->multi = curl_multi_init();
    }

    public function areUnderWay(): bool
    {
        return $this->underWay !== [];
    }

    /**
     * @param array<string, mixed> $asked the core's effect `send`
     * @param array<int, mixed> $options how it travels: a proxy, a CA file
     */
    public function start(int $op, #[\SensitiveParameter] array $asked, #[\SensitiveParameter] array $options = []): void
    {
        $received = new ReceivedAnswer(self::MOST_ANSWER);
        $handle = curl_init();
        curl_setopt_array($handle, [
            CURLOPT_URL => $asked['url'],
            CURLOPT_CUSTOMREQUEST => $asked['method'],
            CURLOPT_HTTPHEADER => self::headerLines($asked['headers']),
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_NOSIGNAL => true,
            // libcurl itself sends a request again when a kept connection turns out to be closed.
            CURLOPT_FRESH_CONNECT => true,
            CURLOPT_FORBID_REUSE => true,
            CURLOPT_HEADERFUNCTION => $received->header(...),
            CURLOPT_WRITEFUNCTION => $received->write(...),
        ] + $options);
        if ($asked['body'] !== '') {
            curl_setopt($handle, CURLOPT_POSTFIELDS, $asked['body']);
        }
        $this->underWay[$op] = $handle;
        $this->received[$op] = $received;
        curl_multi_add_handle($this->multi, $handle);
    }

    /** Nobody waits for it any more. */
    public function forget(int $op): void
    {
        if (isset($this->underWay[$op])) {
            curl_multi_remove_handle($this->multi, $this->underWay[$op]);
            unset($this->underWay[$op], $this->received[$op]);
        }
    }

    /**
     * What has come since, by the core's number: answers to `send`.
     *
     * @return array<int, array<string, mixed>>
     */
    public function take(): array
    {
        curl_multi_exec($this->multi, $running);
        $answers = [];
        while (($done = curl_multi_info_read($this->multi)) !== false) {
            $op = array_search($done['handle'], $this->underWay, true);
            if (is_int($op)) {
                $answers[$op] = $this->answer($done['handle'], $this->received[$op], $done['result']);
                $this->forget($op);
            }
        }
        return $answers;
    }

    /** Until something comes, and so long at most. */
    public function wait(float $ms): void
    {
        curl_multi_exec($this->multi, $running);
        // It says -1 where there is nothing to wait for yet: a name is being resolved.
        if ($running > 0 && curl_multi_select($this->multi, $ms / 1000.0) === -1) {
            usleep(1_000);
        }
    }

    /**
     * What became of a request that got no answer.
     *
     * @return array{error: string, sent: bool}
     */
    public static function failure(int $result): array
    {
        return ['error' => 'curl: ' . curl_strerror($result), 'sent' => !in_array($result, self::NOT_SENT, true)];
    }

    /** @return array<string, mixed> */
    private function answer(CurlHandle $handle, ReceivedAnswer $received, int $result): array
    {
        // What is longer than the core reads was broken off by us.
        if ($result !== CURLE_OK && !$received->isTooLong()) {
            return self::failure($result);
        }
        $status = curl_getinfo($handle, CURLINFO_RESPONSE_CODE);
        return ['status' => $status, 'headers' => $received->headers()] + Json::body($received->body());
    }

    /**
     * @param list<array{string, string}> $headers
     * @return list<string>
     */
    private static function headerLines(#[\SensitiveParameter] array $headers): array
    {
        $lines = ['Expect:', 'Accept-Encoding:'];
        foreach ($headers as [$name, $value]) {
            // curl drops a header without a value, but for this spelling.
            $lines[] = $value === '' ? "{$name};" : "{$name}: {$value}";
        }
        return $lines;
    }
}
