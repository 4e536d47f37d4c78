<?php

declare(strict_types=1);

namespace Rekindle;

use Closure;
use JsonSerializable;
use Rekindle\Core\Base64Url;
use Rekindle\Core\PrivateKey;
use Rekindle\Core\StandIn;
use Rekindle\Exception\System;
use Throwable;

/**
 * A private key that signs for the client. As a session's `clientKey` it authenticates the client (`private_key_jwt`, RFC 7523); as its
 * `dpopKey` tokens are bound to it, so that a stolen token can't be used (DPoP, RFC 9449). The private half never reaches the core.
 *
 *     $key = SigningKey::fromPem(file_get_contents('/etc/my-app/key.pem'));
 *     $session = new Session(tokenUrl: $tokenUrl, clientId: 'app', dpopKey: $key, store: $store, origins: $origins);
 *
 * Processes that share a store need the same key: tokens that are bound to one key can't be used with another.
 */
final class SigningKey implements JsonSerializable
{
    use Redacted;

    /** The members of a JWK that its thumbprint is computed from, by key type (RFC 7638, RFC 8037). */
    private const THUMBPRINT_MEMBERS = [
        'EC' => ['crv', 'kty', 'x', 'y'],
        'OKP' => ['crv', 'kty', 'x'],
        'RSA' => ['e', 'kty', 'n'],
    ];

    /**
     * @param array<string, string> $jwk
     * @param Closure(string): string $sign
     */
    private function __construct(private readonly array $jwk, #[\SensitiveParameter] Closure $sign)
    {
        $this->keep(['sign' => $sign, 'standIn' => StandIn::of($this->thumbprint())]);
    }

    /**
     * Reads a private key in PEM, without a passphrase: P-256 or RSA (needs `ext-openssl`), or Ed25519 (needs `ext-sodium`).
     *
     *     $key = SigningKey::fromPem(file_get_contents('/etc/my-app/key.pem'), keyId: '2026-11');
     *
     * @param string|null $keyId the key id (`kid`) under which the server knows the key
     */
    public static function fromPem(#[\SensitiveParameter] string $pem, ?string $keyId = null): self
    {
        [$jwk, $sign] = PrivateKey::read($pem);
        return new self($jwk + ($keyId === null ? [] : ['kid' => $keyId]), $sign);
    }

    /**
     * Creates a P-256 key, and returns it with its PEM. Keep the PEM as a secret: bound tokens can't be used without their key.
     *
     *     [$key, $pem] = SigningKey::generate();
     *
     * @return array{self, string}
     */
    public static function generate(): array
    {
        $pem = PrivateKey::generate();
        return [self::fromPem($pem), $pem];
    }

    /**
     * Uses a key that can't be read, such as one in a KMS or a smart card.
     *
     *     $key = SigningKey::elsewhere($publicJwk, static fn (string $message): string => $kms->sign($message));
     *
     * @param array<string, string> $jwk the public half: P-256, Ed25519 or RSA
     * @param callable(string): string $sign returns the signature of a message, in bytes (ES256: r and s, 32 bytes each; RS256; EdDSA)
     */
    public static function elsewhere(array $jwk, callable $sign): self
    {
        return new self($jwk, Closure::fromCallable($sign));
    }

    /**
     * Returns the public half (RFC 7517), for the client's registration.
     *
     * @return array<string, string>
     */
    public function jwk(): array
    {
        return $this->jwk;
    }

    /** Returns the thumbprint of the public half (RFC 7638): the `jkt` of a bound token. */
    public function thumbprint(): string
    {
        $members = self::THUMBPRINT_MEMBERS[$this->jwk['kty'] ?? ''] ?? [];
        $named = array_intersect_key($this->jwk, array_flip($members));
        ksort($named);
        return Base64Url::encode(hash('sha256', json_encode($named, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES), true));
    }

    public function __debugInfo(): array
    {
        return ['jwk' => $this->jwk];
    }

    /**
     * @internal
     * @return array{jwk: array<string, string>, stand_in: string}
     */
    public function toCore(): array
    {
        return ['jwk' => $this->jwk, 'stand_in' => $this->kept()['standIn']];
    }

    /** @internal Replaces each stand-in by the signature of the text before it. */
    public function complete(#[\SensitiveParameter] string $text): string
    {
        ['sign' => $sign, 'standIn' => $standIn] = $this->kept();
        if (!str_contains($text, $standIn)) {
            return $text;
        }
        $replace = static fn (array $found): string => $found[1] . '.' . Base64Url::encode(self::signed($sign, $found[1]));
        return (string) preg_replace_callback("/([\\w-]+\\.[\\w-]+)\\.{$standIn}/", $replace, $text);
    }

    /** @param Closure(string): string $sign */
    private static function signed(Closure $sign, #[\SensitiveParameter] string $message): string
    {
        try {
            return $sign($message);
        } catch (Throwable $error) {
            // Only its class: its message may contain anything.
            throw new System('the key could not sign (' . $error::class . '): check that it is still available', $error);
        }
    }
}
