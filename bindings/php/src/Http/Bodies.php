<?php

declare(strict_types=1);

namespace Rekindle\Http;

use Psr\Http\Message\MessageInterface;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;
use RuntimeException;

/**
 * The parts of headers and bodies that the core needs.
 *
 * @internal
 */
final class Bodies
{
    /** In bytes: longer request bodies are not searched for GraphQL. */
    private const MOST_READ = 1 << 20;
    /** In bytes: the core judges no more of a response's body. */
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
     * Describes a request's body to the core: its text, if it may contain GraphQL.
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
     * The part of a response's body that is judged, and the response with its complete body.
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
            // The caller, too, reads up to here and then gets the failure.
        }
        if ($failure === null && $body->isSeekable()) {
            $body->rewind();
            return [$text, $response];
        }
        return [$text, $response->withBody(new ReadAgain($text, $body, $failure))];
    }

    /** Whether a body of this media type may be JSON: servers often mislabel it. */
    public static function mayBeJson(string $type): bool
    {
        $type = strtolower(trim(explode(';', $type)[0]));
        $likely = ['', 'application/json', 'text/json', 'text/plain', 'text/html', 'application/octet-stream'];
        return in_array($type, $likely, true) || str_ends_with($type, '+json');
    }

    /** Headers are bytes: those that are not UTF-8 are read as Latin-1. */
    public static function latin(string $value): string
    {
        return preg_match('//u', $value) === 1 ? $value : (string) iconv('ISO-8859-1', 'UTF-8', $value);
    }
}
