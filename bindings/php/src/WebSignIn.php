<?php

declare(strict_types=1);

namespace Rekindle;

use Rekindle\Exception\InvalidResponse;
use Rekindle\Exception\Misuse;

/**
 * Signing in within a web application: what is pending is kept in PHP's own session (`session_start()`), and is out of there before
 * its code is sent, so that a callback that is loaded twice, or comes to two workers at once, spends nothing.
 *
 *     $web = new WebSignIn($session, 'https://app.example.com/callback');
 *     header('Location: ' . $web->begin(returnTo: '/settings'));      // the page that signs in
 *     header('Location: ' . ($web->finish() ?? '/'));                 // the page of the redirect URI
 */
final class WebSignIn
{
    private const KEPT_AS = 'rekindle.sign_in';
    /** One for each browser tab; the oldest ones are discarded. */
    private const MOST = 8;

    public function __construct(
        private readonly Session $session,
        private readonly string $redirectUri,
        private readonly SignInOptions $options = new SignInOptions(),
    ) {
    }

    /** Begins a sign-in; returns the URL to redirect the browser to. `returnTo`: where the user continues afterwards, a path of the application. */
    public function begin(?string $returnTo = null): string
    {
        self::checkStarted();
        $options = $this->options->withRedirectUri($this->redirectUri)->withReturnTo($returnTo ?? $this->options->returnTo);
        $begun = $this->session->beginSignIn($options);
        $kept = ($_SESSION[self::KEPT_AS] ?? []) + [$begun->state => $begun->pending()];
        $_SESSION[self::KEPT_AS] = array_slice($kept, -self::MOST, null, true);
        return $begun->url;
    }

    /**
     * Signs in with what the browser has brought; it gives `returnTo`. PHP's session gets another id: whoever knew it before the sign-in
     * has no part in it.
     *
     * @param string|null $query the query of the address that the browser came back with; null: that of this request
     */
    public function finish(#[\SensitiveParameter] ?string $query = null): ?string
    {
        self::checkStarted();
        $query ??= (string) ($_SERVER['QUERY_STRING'] ?? '');
        parse_str($query, $brought);
        $state = is_string($brought['state'] ?? null) ? $brought['state'] : '';
        $pending = $_SESSION[self::KEPT_AS][$state] ?? throw new InvalidResponse(
            'no sign-in of this user waits for this callback: it was finished already, or started in another browser; start it again'
        );
        unset($_SESSION[self::KEPT_AS][$state]);
        // Behind a proxy the request names other hosts: the registered address counts.
        $returnTo = $this->session->finishSignIn($pending, strtok($this->redirectUri, '?#') . "?{$query}");
        if (!headers_sent()) {
            session_regenerate_id(true);
        }
        return $returnTo;
    }

    private static function checkStarted(): void
    {
        if (session_status() !== PHP_SESSION_ACTIVE) {
            throw new Misuse('what is pending is kept in PHP\'s session: call session_start() first');
        }
    }
}
