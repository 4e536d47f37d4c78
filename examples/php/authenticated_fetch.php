<?php

// Any PSR-18 client that stays signed in. Where the sign-in is lost for good, it says where to sign in again.
use Rekindle\{Exception\LoginRequired, Session, Tokens};

require getenv('AUTOLOAD') ?: 'vendor/autoload.php';

['API_URL' => $api, 'ACCESS_TOKEN' => $accessToken, 'REFRESH_TOKEN' => $refreshToken] = getenv();
$session = new Session('json', "{$api}/api/token/refresh", tokens: new Tokens($accessToken, $refreshToken), origins: [$api]);
$client = $session->client(new GuzzleHttp\Client());
try {
    $response = $client->sendRequest(new GuzzleHttp\Psr7\Request('GET', "{$api}/data"));
    echo $response->getStatusCode(), ' ', $response->getBody(), "\n";
} catch (LoginRequired) {
    echo "Please sign in: {$api}/login\n";
}
