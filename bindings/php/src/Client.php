<?php

declare(strict_types=1);

namespace Rekindle;

use Rekindle\Core\CurlOptions;
use Rekindle\Core\Json;
use Rekindle\Core\ReceivedAnswer;
use Rekindle\Exception\HttpStatus;
use Rekindle\Exception\InvalidResponse;

/**
 * A client for JSON and GraphQL that needs only curl. It retries transient failures where that is safe, within the time limit.
 *
 *     $users = (new Client($session, 'https://api.example.com'))->get('/users');
 */
final class Client
{
    private readonly int $number;
    private readonly int $maxBodyBytes;
    /** @var array<int, mixed> */
    private readonly array $curlOptions;

    /**
     * @param string $baseUrl its origin receives the token, too
     * @param float $timeout how many seconds a request may take, with refreshes and retries
     * @param array<int, mixed> $curlOptions for each request, taking precedence over the session's: a proxy, a CA file
     * @param int|null $maxBodyBytes how long a response's body may be, after decompression; null: 256 MiB
     * @param int|null $maxRedirects how many redirects are followed; null: 10
     */
    public function __construct(
        private readonly Session $session,
        string $baseUrl,
        string $graphqlPath = '/graphql',
        private readonly float $timeout = 60.0,
        #[\SensitiveParameter]
        array $curlOptions = [],
        ?int $maxBodyBytes = null,
        ?int $maxRedirects = null,
    ) {
        CurlOptions::check($curlOptions);
        $this->curlOptions = $curlOptions + $session->curlOptions();
        $this->number = $session->number();
        $settings = ['base_url' => $baseUrl, 'graphql_path' => $graphqlPath, 'timeout_ms' => (int) (1000 * $timeout)];
        $settings += array_filter(
            ['max_body_bytes' => $maxBodyBytes, 'max_redirects' => $maxRedirects],
            static fn (?int $value): bool => $value !== null,
        );
        $shown = $session->call(['do' => 'client', 'client' => $this->number, 'settings' => $settings]);
        $this->maxBodyBytes = (int) min($shown['max_body_bytes'], PHP_INT_MAX);
    }

    public function __destruct()
    {
        $this->session->tell(['do' => 'forget_client', 'client' => $this->number]);
    }

    /** Sends a GET request and returns the decoded JSON of the response; null: the body is empty. */
    public function get(string $path): mixed
    {
        return $this->request('GET', $path);
    }

    /**
     * Sends a POST request and returns the decoded JSON of the response; null: the body is empty.
     *
     * @param array<mixed> $json the body
     */
    public function post(string $path, #[\SensitiveParameter] array $json): mixed
    {
        return $this->request('POST', $path, $json);
    }

    /**
     * Sends a request and returns the decoded JSON of the response; null: the body is empty. For a status outside of 200 to 299 it throws
     * HttpStatus.
     *
     * @param array<mixed>|null $json the body
     */
    public function request(string $method, string $path, #[\SensitiveParameter] ?array $json = null): mixed
    {
        [$status, , $body] = $answer = $this->send(['method' => $method, 'url' => $path], $json);
        if ($status < 200 || $status >= 300) {
            $text = "{$status} from " . self::place($answer) . '; read its response for the reason';
            $after = $answer[4]['verdict']['retry_after_ms'] ?? null;
            $after = $after === null ? null : $after / 1000;
            throw new HttpStatus($text, status: $status, retryAfter: $after, response: self::response($answer));
        }
        return $body === '' ? null : self::read($answer);
    }

    /**
     * Sends a GraphQL query or mutation and returns its data. If the response contains errors, it throws GraphQL.
     *
     * @param array<string, mixed> $variables
     * @return array<string, mixed>
     */
    public function graphql(string $query, #[\SensitiveParameter] array $variables = []): array
    {
        $asked = ['query' => $query] + ($variables === [] ? [] : ['variables' => $variables]);
        $said = self::read($this->send(['method' => 'POST', 'reading' => 'graphql'], $asked));
        return is_array($said) && is_array($said['data'] ?? null) ? $said['data'] : [];
    }

    /**
     * @param array<string, string> $asked
     * @param array<mixed>|null $json
     * @return array{int, list<array{string, string}>, string, string, array<string, mixed>} status, headers, body, URL, judgement
     */
    private function send(array $asked, #[\SensitiveParameter] ?array $json): array
    {
        $text = $json === null ? null : Json::write($json);
        $own = [['accept', 'application/json'], ...($text === null ? [] : [['content-type', 'application/json']])];
        $request = $this->session->number();
        $told = $this->session->call(['do' => 'begin', 'client' => $this->number, 'request' => $request, 'headers' => $own] + $asked + [
            'body' => $text === null ? 'none' : ['text' => $text],
        ]);
        $hop = ['method' => $asked['method']] + $told;
        try {
            while (true) {
                [$answer, $failure] = $this->exchange($hop['method'], $hop['url'], [...$hop['own'], ...$told['headers']], $text);
                $told = $this->session->call(($failure ?? self::answered($answer)) + ['request' => $request]);
                if (($told['next'] ?? 'send_again') === 'send_again') {
                    continue;
                }
                $led = $this->led($answer, $request);
                if ($led === null) {
                    return [...$answer, $hop['url'], $told];
                }
                $text = $led['keeps_body'] ? $text : null;
                $hop = $told = $led;
            }
        } finally {
            $this->session->tell(['do' => 'end', 'request' => $request]);
        }
    }

    /**
     * Where a redirect leads; null: the response is no redirect to follow.
     *
     * @param array{int, list<array{string, string}>, string} $answer
     * @return array<string, mixed>|null
     */
    private function led(#[\SensitiveParameter] array $answer, int $request): ?array
    {
        if (!in_array($answer[0], [301, 302, 303, 307, 308], true)) {
            return null;
        }
        return $this->session->call(['do' => 'redirected', 'request' => $request, 'status' => $answer[0], 'headers' => $answer[1]]);
    }

    /**
     * @param list<array{string, string}> $headers
     * @return array{array{int, list<array{string, string}>, string}, array<string, mixed>|null} the response; and the failure
     */
    private function exchange(
        string $method,
        string $url,
        #[\SensitiveParameter]
        array $headers,
        #[\SensitiveParameter]
        ?string $body,
    ): array {
        $received = new ReceivedAnswer($this->maxBodyBytes);
        $handle = curl_init();
        curl_setopt_array($handle, [
            CURLOPT_URL => $url,
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_NOBODY => $method === 'HEAD',
            CURLOPT_HTTPHEADER => array_map(static fn (array $pair): string => "{$pair[0]}: {$pair[1]}", $headers),
            CURLOPT_TIMEOUT_MS => (int) (1000 * $this->timeout),
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_HEADERFUNCTION => $received->header(...),
            CURLOPT_WRITEFUNCTION => $received->write(...),
        ] + $this->curlOptions);
        if ($body !== null) {
            curl_setopt($handle, CURLOPT_POSTFIELDS, $body);
        }
        $came = curl_exec($handle) !== false;
        $answer = [(int) curl_getinfo($handle, CURLINFO_RESPONSE_CODE), $received->headers(), $received->body()];
        if ($received->isTooLong()) {
            $text = 'the body from ' . self::place([...$answer, $url]) . " is longer than {$this->maxBodyBytes} bytes";
            throw new InvalidResponse("{$text}: raise maxBodyBytes, or read it with `Session::client`", status: $answer[0]);
        }
        return [$answer, $came ? null : ['do' => 'failed'] + Core\TokenRequests::failure(curl_errno($handle))];
    }

    /**
     * @param array{int, list<array{string, string}>, string} $answer
     * @return array<string, mixed>
     */
    private static function answered(#[\SensitiveParameter] array $answer): array
    {
        return ['do' => 'answered', 'status' => $answer[0], 'headers' => $answer[1]] + Json::body($answer[2]);
    }

    /** @param array{int, list<array{string, string}>, string, string, array<string, mixed>} $answer */
    private static function read(#[\SensitiveParameter] array $answer): mixed
    {
        $read = json_decode($answer[2], true);
        if (json_last_error() !== JSON_ERROR_NONE) {
            $text = "the body is not JSON, in a {$answer[0]} from " . self::place($answer);
            $text .= '; the error\'s response has the body; use `Session::client` for responses that are not JSON';
            throw new InvalidResponse($text, status: $answer[0], response: self::response($answer));
        }
        return $read;
    }

    /** @param array{int, list<array{string, string}>, string, string, array<string, mixed>} $answer */
    private static function response(#[\SensitiveParameter] array $answer): ErrorResponse
    {
        [$status, $headers, $body, $url, $told] = $answer;
        return new ErrorResponse(['status' => $status, 'url' => $url, 'headers' => $headers, 'body' => $body] + $told);
    }

    /**
     * The URL without its query, which may contain a secret.
     *
     * @param array{int, list<array{string, string}>, string, string} $answer
     */
    private static function place(#[\SensitiveParameter] array $answer): string
    {
        return strtok($answer[3], '?#') ?: '';
    }
}
