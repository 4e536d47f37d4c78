<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use DOMDocument;
use DOMElement;
use RuntimeException;

/** What a person does in a browser, as far as plain forms need one: cookies, redirects, buttons. */
final class Person
{
    /** @var array<string, string> */
    private array $cookies = [];

    /** Follows pages and forms of `server`: the address outside of it that it is led to, or null where there is no form any more. */
    public function goes(string $url, string $server): ?string
    {
        $fields = null;
        for ($steps = 0; $steps < 20; $steps++) {
            [$status, $location, $page] = $this->visits($url, $fields);
            if ($location !== null) {
                $url = str_starts_with($location, '/') ? $server . $location : $location;
                $fields = null;
                if (!str_starts_with($url, $server)) {
                    return $url;
                }
                continue;
            }
            if ($status >= 400) {
                throw new RuntimeException("{$url}: {$status} {$page}");
            }
            $form = self::form($page);
            if ($form === null) {
                return null;
            }
            [$action, $fields] = $form;
            $url = match (true) {
                $action === '' => $url,
                str_starts_with($action, '/') => $server . $action,
                default => $action,
            };
        }
        throw new RuntimeException('the server never came to an end');
    }

    /**
     * @param array<string, string>|null $fields
     * @return array{int, ?string, string} status, where it leads, the page
     */
    private function visits(string $url, ?array $fields): array
    {
        $location = null;
        $pair = static fn (string $name, string $value): string => "{$name}={$value}";
        $cookies = array_map($pair, array_keys($this->cookies), $this->cookies);
        $handle = curl_init($url);
        curl_setopt_array($handle, [
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_COOKIE => implode('; ', $cookies),
            CURLOPT_HEADERFUNCTION => function ($handle, string $line) use (&$location): int {
                [$name, $value] = explode(':', $line, 2) + ['', ''];
                if (strtolower($name) === 'location') {
                    $location = trim($value);
                } elseif (strtolower($name) === 'set-cookie') {
                    [$cookie, $content] = explode('=', explode(';', trim($value))[0], 2) + ['', ''];
                    $this->cookies[$cookie] = $content;
                }
                return strlen($line);
            },
        ]);
        if ($fields !== null) {
            curl_setopt($handle, CURLOPT_POSTFIELDS, http_build_query($fields));
        }
        $page = curl_exec($handle);
        if (!is_string($page)) {
            throw new RuntimeException("{$url}: " . curl_error($handle));
        }
        return [curl_getinfo($handle, CURLINFO_RESPONSE_CODE), $location, $page];
    }

    /** @return array{string, array<string, string>}|null the page's form: where it goes, with what it has filled in */
    private static function form(string $page): ?array
    {
        $document = new DOMDocument();
        $document->loadHTML($page, LIBXML_NOERROR);
        $form = $document->getElementsByTagName('form')->item(0);
        if (!$form instanceof DOMElement) {
            return null;
        }
        $fields = [];
        foreach ($form->getElementsByTagName('input') as $input) {
            if ($input->getAttribute('name') !== '') {
                $fields[$input->getAttribute('name')] = $input->getAttribute('value');
            }
        }
        return [$form->getAttribute('action'), $fields];
    }
}
