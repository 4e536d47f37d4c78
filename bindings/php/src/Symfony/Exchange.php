<?php

declare(strict_types=1);

namespace Rekindle\Symfony;

use Generator;
use Rekindle\Http\Bodies;
use Rekindle\Http\Signing;
use Rekindle\Judgement;
use Rekindle\Session;
use Symfony\Component\HttpClient\Response\AsyncContext;
use Symfony\Contracts\HttpClient\ChunkInterface;
use Symfony\Contracts\HttpClient\Exception\TransportExceptionInterface;

/**
 * One request, until the response that its caller gets.
 *
 * @internal
 */
final class Exchange
{
    private readonly Signing $signing;
    /** The first chunk, withheld until the body has been judged. */
    private ?ChunkInterface $first = null;
    private string $body = '';

    public function __construct(Session $session, private readonly Prepared $request)
    {
        $begin = static fn (): array => [
            'method' => $request->method,
            'url' => $request->url,
            'headers' => $request->headers(),
            'body' => $request->known(),
            'timeout_ms' => $request->timeoutMs(),
        ];
        $origin = (string) preg_replace('~^([^/]*//[^/?#]*).*$~s', '$1', $request->url);
        $this->signing = new Signing($session, $begin, $origin, array_column($request->headers(), 0));
    }

    public function __destruct()
    {
        $this->signing->end();
    }

    /** @return array<string, mixed> the options to send the request with now */
    public function options(): array
    {
        return $this->request->signed($this->signing->headers());
    }

    /** @return Generator<ChunkInterface> */
    public function passthru(ChunkInterface $chunk, AsyncContext $context): Generator
    {
        try {
            if ($context->getInfo('canceled') || $chunk->isTimeout() || $chunk->getInformationalStatus() !== null) {
                yield $chunk;
                return;
            }
            $isFirst = $chunk->isFirst();
            $isLast = $chunk->isLast();
        } catch (TransportExceptionInterface) {
            // No response, or an incomplete one: the caller gets the same failure.
            yield from $this->hand($context, $chunk);
            return;
        }
        if ($isFirst && $this->mustBeRead($context)) {
            $this->first = $chunk;
            return;
        }
        if ($this->first !== null) {
            $this->body .= $chunk->getContent();
            if (!$isLast && strlen($this->body) < Bodies::MOST_JUDGED) {
                return;
            }
            // All that was read is passed on as one chunk; the last one is empty.
            $chunk = $isLast ? $chunk : $context->createChunk('');
        }
        if ($this->mustBeSentAgain($context)) {
            $context->getResponse()->cancel();
            [$this->first, $this->body] = [null, ''];
            $context->replaceRequest($this->request->method, $this->request->url, $this->options());
            return;
        }
        yield from $this->hand($context, $chunk);
    }

    private function mustBeRead(AsyncContext $context): bool
    {
        $type = $context->getHeaders()['content-type'][0] ?? '';
        return $context->getStatusCode() >= 400 || ($this->signing->readsSuccess() && Bodies::mayBeJson($type));
    }

    private function mustBeSentAgain(AsyncContext $context): bool
    {
        $headers = [];
        foreach ($context->getHeaders() as $name => $values) {
            foreach ($values as $value) {
                $headers[] = [(string) $name, Bodies::latin($value)];
            }
        }
        $told = $this->signing->answered($context->getStatusCode(), $headers, substr($this->body, 0, Bodies::MOST_JUDGED));
        if ($told !== null) {
            $context->setInfo(Judgement::INFO, Judgement::told($told));
        }
        return $told === null;
    }

    /** @return Generator<ChunkInterface> passes the response on to the caller */
    private function hand(AsyncContext $context, ChunkInterface $chunk): Generator
    {
        $this->signing->end();
        $context->passthru();
        if ($this->first !== null) {
            yield $this->first;
        }
        if ($this->body !== '') {
            yield $context->createChunk($this->body);
        }
        [$this->first, $this->body] = [null, ''];
        yield $chunk;
    }
}
