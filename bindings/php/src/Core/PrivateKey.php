<?php

declare(strict_types=1);

namespace Rekindle\Core;

use Closure;
use OpenSSLAsymmetricKey;
use Rekindle\Exception\InvalidConfig;
use Rekindle\Exception\System;
use Rekindle\Exception\Unsupported;
use RuntimeException;

/**
 * Private keys in PEM, read by OpenSSL, or by sodium for Ed25519, which PHP's OpenSSL functions support from PHP 8.4 on.
 *
 * @internal
 */
final class PrivateKey
{
    /** What precedes the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410): its algorithm, and two octet strings. */
    private const ED25519 = "\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

    /** @return array{array<string, string>, Closure(string): string} the public half as a JWK, and a function that signs */
    public static function read(#[\SensitiveParameter] string $pem): array
    {
        return self::ed25519($pem) ?? self::openssl($pem);
    }

    /** A new P-256 key in PEM. */
    public static function generate(): string
    {
        self::require('openssl');
        $key = openssl_pkey_new(['private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'prime256v1']);
        if ($key === false || !openssl_pkey_export($key, $pem)) {
            throw new System('OpenSSL could not create a key: ' . openssl_error_string());
        }
        return $pem;
    }

    /** @return array{array<string, string>, Closure(string): string}|null null: it is of another kind */
    private static function ed25519(#[\SensitiveParameter] string $pem): ?array
    {
        if (preg_match('/-----BEGIN PRIVATE KEY-----(.*?)-----END PRIVATE KEY-----/s', $pem, $found) !== 1) {
            return null;
        }
        $der = (string) base64_decode($found[1]);
        $at = strpos($der, self::ED25519);
        $seed = $at === false ? '' : substr($der, $at + strlen(self::ED25519), 32);
        if (strlen($seed) !== 32) {
            return null;
        }
        self::require('sodium');
        $pair = sodium_crypto_sign_seed_keypair($seed);
        $secret = sodium_crypto_sign_secretkey($pair);
        $jwk = ['kty' => 'OKP', 'crv' => 'Ed25519', 'alg' => 'EdDSA', 'x' => Base64Url::encode(sodium_crypto_sign_publickey($pair))];
        return [$jwk, static fn (#[\SensitiveParameter] string $message): string => sodium_crypto_sign_detached($message, $secret)];
    }

    /** @return array{array<string, string>, Closure(string): string} */
    private static function openssl(#[\SensitiveParameter] string $pem): array
    {
        self::require('openssl');
        // It would also accept a file's name.
        $key = str_contains($pem, '-----BEGIN') ? openssl_pkey_get_private($pem) : false;
        $details = $key === false ? false : openssl_pkey_get_details($key);
        $curve = $details['ec']['curve_name'] ?? null;
        $isRsa = isset($details['rsa']['n']);
        if ($key === false || ($curve !== 'prime256v1' && !$isRsa)) {
            throw new InvalidConfig(
                'pem is not a private P-256, Ed25519 or RSA key without a passphrase: convert yours with `openssl pkcs8 -topk8 -nocrypt`',
                argument: 'pem',
            );
        }
        if ($isRsa) {
            $n = Base64Url::encode($details['rsa']['n']);
            $jwk = ['kty' => 'RSA', 'alg' => 'RS256', 'n' => $n, 'e' => Base64Url::encode($details['rsa']['e'])];
            return [$jwk, static fn (#[\SensitiveParameter] string $message): string => self::sign($key, $message)];
        }
        [$x, $y] = [self::padded($details['ec']['x']), self::padded($details['ec']['y'])];
        $jwk = ['kty' => 'EC', 'crv' => 'P-256', 'alg' => 'ES256', 'x' => Base64Url::encode($x), 'y' => Base64Url::encode($y)];
        return [$jwk, static fn (#[\SensitiveParameter] string $message): string => self::joined(self::sign($key, $message))];
    }

    private static function sign(OpenSSLAsymmetricKey $key, #[\SensitiveParameter] string $message): string
    {
        if (!openssl_sign($message, $signature, $key, OPENSSL_ALGO_SHA256)) {
            throw new RuntimeException('OpenSSL: ' . openssl_error_string());
        }
        return $signature;
    }

    /** OpenSSL encodes r and s in DER; a JWS has 32 bytes of each (RFC 7518, section 3.4). All lengths of P-256 take one byte. */
    private static function joined(string $der): string
    {
        $length = ord($der[3]);
        $r = substr($der, 4, $length);
        $s = substr($der, 6 + $length, ord($der[5 + $length]));
        return self::padded($r) . self::padded($s);
    }

    private static function padded(string $number): string
    {
        return str_pad(ltrim($number, "\0"), 32, "\0", STR_PAD_LEFT);
    }

    private static function require(string $extension): void
    {
        if (!extension_loaded($extension)) {
            throw new Unsupported("this key needs the extension {$extension}: install it, or sign elsewhere (SigningKey::elsewhere)");
        }
    }
}
