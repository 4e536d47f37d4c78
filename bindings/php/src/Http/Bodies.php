<?php

declare(strict_types=1);

namespace Rekindle\Http;

use Psr\Http\Message\MessageInterface;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;
use RuntimeException;

/**
 * What of headers and bodies crosses to the core.
 *
 * @internal
 */
final class Bodies
{
    /** GraphQL is read from a request's body up to here. */
    private const MOST_READ = 1 << 20;
    /** The core judges no more of a body. */
    public const MOST_JUDGED = 8 << 20;

    /** @return list<array{string, string}> */
    public static function pairs(MessageInterface $message): array
    {
        $pairs = [];
        foreach ($message->getHeaders() as $name => $values) {
            foreach ($values as $value) {
                $pairs[] = [strtolower((string) $name), self::latin($value)];
            }
        }
        return $pairs;
    }

    /**
     * What the core has to know of a request's body: the text where GraphQL may be in it.
     *
     * @return string|array{text: string}
     */
    public static function known(RequestInterface $request): string|array
    {
        $body = $request->getBody();
        if ($body->getSize() === 0) {
            return 'none';
        }
        if (!$body->isSeekable() || !$body->isReadable()) {
            return 'once';
        }
        if (strtoupper($request->getMethod()) === 'POST' && ($body->getSize() ?? PHP_INT_MAX) <= self::MOST_READ) {
            $body->rewind();
            $text = $body->getContents();
            $body->rewind();
            if (preg_match('/^\s*[{[]/u', $text) === 1) {
                return ['text' => $text];
            }
        }
        return 'replayable';
    }

    /**
     * What is judged of a response's body, and the response with its body as it was.
     *
     * @return array{string, ResponseInterface}
     */
    public static function judged(ResponseInterface $response, bool $readsSuccess): array
    {
        $isRead = $response->getStatusCode() >= 400 || ($readsSuccess && self::mayBeJson($response->getHeaderLine('Content-Type')));
        if (!$isRead) {
            return ['', $response];
        }
        $body = $response->getBody();
        $text = '';
        $failure = null;
        try {
            while (strlen($text) < self::MOST_JUDGED && !$body->eof()) {
                $text .= $body->read(min(65_536, self::MOST_JUDGED - strlen($text)));
            }
        } catch (RuntimeException $failure) {
            // What breaks off breaks off for the caller too, at the same place.
        }
        if ($failure === null && $body->isSeekable()) {
            $body->rewind();
            return [$text, $response];
        }
        return [$text, $response->withBody(new ReadAgain($text, $body, $failure))];
    }

    /** JSON, or what servers call JSON that they mislabel. */
    public static function mayBeJson(string $type): bool
    {
        $type = strtolower(trim(explode(';', $type)[0]));
        $likely = ['', 'application/json', 'text/json', 'text/plain', 'text/html', 'application/octet-stream'];
        return in_array($type, $likely, true) || str_ends_with($type, '+json');
    }

    /** Headers are bytes; what is no UTF-8 crosses as Latin-1. */
    public static function latin(string $value): string
    {
        return preg_match('//u', $value) === 1 ? $value : (string) iconv('ISO-8859-1', 'UTF-8', $value);
    }
}
