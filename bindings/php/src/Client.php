<?php

declare(strict_types=1);

namespace Rekindle;

use Rekindle\Core\Json;
use Rekindle\Core\ReceivedAnswer;
use Rekindle\Exception\HttpStatus;
use Rekindle\Exception\InvalidResponse;

/**
 * JSON and GraphQL with nothing but curl: `(new Client($session, 'https://api.example.com'))->get('/users')`. What fails in passing is
 * sent again, within the time limit.
 */
final class Client
{
    private const MOST_BODY = 64 << 20;

    private readonly int $number;

    /**
     * @param string $baseUrl also an origin that gets the token
     * @param float $timeout seconds for a request with all that is sent again
     * @param array<int, mixed> $curlOptions for each request: a proxy, a CA file
     */
    public function __construct(
        private readonly Session $session,
        string $baseUrl,
        string $graphqlPath = '/graphql',
        private readonly float $timeout = 60.0,
        private readonly array $curlOptions = [],
    ) {
        $this->number = $session->number();
        $settings = ['base_url' => $baseUrl, 'graphql_path' => $graphqlPath, 'timeout_ms' => (int) (1000 * $timeout)];
        $session->call(['do' => 'client', 'client' => $this->number, 'settings' => $settings]);
    }

    public function __destruct()
    {
        $this->session->tell(['do' => 'forget_client', 'client' => $this->number]);
    }

    /** What the JSON of the answer says. */
    public function get(string $path): mixed
    {
        return $this->request('GET', $path);
    }

    /** @param array<mixed> $json */
    public function post(string $path, #[\SensitiveParameter] array $json): mixed
    {
        return $this->request('POST', $path, $json);
    }

    /**
     * What the JSON of the answer says; null where it is empty.
     *
     * @param array<mixed>|null $json the body
     */
    public function request(string $method, string $path, #[\SensitiveParameter] ?array $json = null): mixed
    {
        [$status, $headers, $body, $url] = $this->send(['method' => $method, 'url' => $path], $json);
        if ($status < 200 || $status >= 300) {
            $response = new ErrorResponse(['status' => $status, 'url' => $url, 'headers' => $headers, 'body' => $body]);
            throw new HttpStatus("{$method} was answered with status {$status}", status: $status, response: $response);
        }
        return $body === '' ? null : self::read($body);
    }

    /**
     * The data of a GraphQL query or mutation; errors in the answer are thrown.
     *
     * @param array<string, mixed> $variables
     * @return array<string, mixed>
     */
    public function graphql(string $query, #[\SensitiveParameter] array $variables = []): array
    {
        $asked = ['query' => $query] + ($variables === [] ? [] : ['variables' => $variables]);
        [, , $body] = $this->send(['method' => 'POST', 'reading' => 'graphql'], $asked);
        $said = self::read($body);
        return is_array($said) && is_array($said['data'] ?? null) ? $said['data'] : [];
    }

    /**
     * @param array<string, string> $asked
     * @param array<mixed>|null $json
     * @return array{int, list<array{string, string}>, string, string}
     */
    private function send(array $asked, #[\SensitiveParameter] ?array $json): array
    {
        $text = $json === null ? null : Json::write($json);
        $own = [['accept', 'application/json'], ...($text === null ? [] : [['content-type', 'application/json']])];
        $request = $this->session->number();
        $told = $this->session->call(['do' => 'begin', 'client' => $this->number, 'request' => $request, 'headers' => $own] + $asked + [
            'body' => $text === null ? 'none' : ['text' => $text],
        ]);
        ['url' => $url, 'own' => $own] = $told;
        try {
            do {
                [$answer, $failure] = $this->exchange($asked['method'], $url, [...$own, ...$told['headers']], $text);
                $told = $this->session->call(($failure ?? self::answered($answer)) + ['request' => $request]);
            } while (($told['next'] ?? 'send_again') === 'send_again');
        } finally {
            $this->session->tell(['do' => 'end', 'request' => $request]);
        }
        return [...$answer, $url];
    }

    /**
     * @param list<array{string, string}> $headers
     * @return array{array{int, list<array{string, string}>, string}, array<string, mixed>|null} the answer; or what the core is told
     */
    private function exchange(
        string $method,
        string $url,
        #[\SensitiveParameter]
        array $headers,
        #[\SensitiveParameter]
        ?string $body,
    ): array {
        $received = new ReceivedAnswer(self::MOST_BODY);
        $handle = curl_init();
        curl_setopt_array($handle, $this->curlOptions + [
            CURLOPT_URL => $url,
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_HTTPHEADER => array_map(static fn (array $pair): string => "{$pair[0]}: {$pair[1]}", $headers),
            CURLOPT_TIMEOUT_MS => (int) (1000 * $this->timeout),
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_HEADERFUNCTION => $received->header(...),
            CURLOPT_WRITEFUNCTION => $received->write(...),
        ]);
        if ($body !== null) {
            curl_setopt($handle, CURLOPT_POSTFIELDS, $body);
        }
        $came = curl_exec($handle) !== false;
        $answer = [(int) curl_getinfo($handle, CURLINFO_RESPONSE_CODE), $received->headers(), $received->body()];
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

    private static function read(#[\SensitiveParameter] string $body): mixed
    {
        $read = json_decode($body, true);
        if (json_last_error() !== JSON_ERROR_NONE) {
            throw new InvalidResponse('the answer is no JSON: take `Session::client` for what is not');
        }
        return $read;
    }
}
