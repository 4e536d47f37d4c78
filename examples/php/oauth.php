<?php

// OAuth 2.0: the refresh of RFC 6749 with a client secret, `invalid_grant` as "sign in again", and the counters to watch.
use Rekindle\{Client, Exception\LoginRequired, Session, Tokens};

require getenv('AUTOLOAD') ?: 'vendor/autoload.php';

['API_URL' => $api, 'TOKEN_URL' => $tokenUrl, 'CLIENT_ID' => $clientId, 'CLIENT_SECRET' => $clientSecret] = getenv();
$tokens = new Tokens(getenv('ACCESS_TOKEN'), getenv('REFRESH_TOKEN'));
$session = new Session('oauth2', $tokenUrl, $clientId, $clientSecret, $tokens);
try {
    echo json_encode((new Client($session, $api))->get('/data')), "\n";
} catch (LoginRequired $error) {
    echo "Please sign in again: {$error->getMessage()}\n";
}
['refreshes' => $refreshes, 'logins_required' => $lost] = $session->stats();
echo "{$refreshes} refreshes, {$lost} sign-ins lost\n";
