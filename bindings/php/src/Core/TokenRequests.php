<?php

declare(strict_types=1);

namespace Rekindle\Core;

use CurlHandle;
use CurlMultiHandle;

/**
 * Token requests in progress. Each may use up a refresh token: none is sent twice, and none follows a redirect.
 *
 * @internal
 */
final class TokenRequests
{
    /** In bytes: the core reads no more of a response. */
    private const MOST_ANSWER = 1 << 20;
    /**
     * Errors after which certainly nothing was sent: no proxy, no name, no connection, no TLS. CURLE_UNSUPPORTED_PROTOCOL is not one of
     * them: curl returns it for a response that is not HTTP, too.
     */
    private const NOT_SENT = [
        CURLE_URL_MALFORMAT, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT,
        CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT, CURLE_SSL_CACERT_BADFILE,
    ];

    private readonly CurlMultiHandle $multi;
    /** @var array<int, CurlHandle> by operation */
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
     * @param array<int, mixed> $options the session's: a proxy, a CA file
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
            // libcurl itself resends a request if a reused connection turns out to be closed.
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

    /** Aborts a request whose response is no longer needed. */
    public function forget(int $op): void
    {
        if (isset($this->underWay[$op])) {
            curl_multi_remove_handle($this->multi, $this->underWay[$op]);
            unset($this->underWay[$op], $this->received[$op]);
        }
    }

    /**
     * The results of `send` effects that have completed, by operation.
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

    /** Waits until data arrives, at most this long. */
    public function wait(float $ms): void
    {
        curl_multi_exec($this->multi, $running);
        // It returns -1 if there is no socket yet, while a name is being resolved.
        if ($running > 0 && curl_multi_select($this->multi, $ms / 1000.0) === -1) {
            usleep(1_000);
        }
    }

    /**
     * Describes a request that got no response to the core.
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
        // We abort a response that is longer than the core reads.
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
            // curl drops a header without a value, except in this spelling.
            $lines[] = $value === '' ? "{$name};" : "{$name}: {$value}";
        }
        return $lines;
    }
}
