<?php

// GET from a REST API. Its `401 {"error": "token_expired"}` is answered with a refresh, and the GET is sent again.
use Rekindle\{Client, Session, Tokens};

require getenv('AUTOLOAD') ?: 'vendor/autoload.php';

['API_URL' => $api, 'ACCESS_TOKEN' => $accessToken, 'REFRESH_TOKEN' => $refreshToken] = getenv();
$session = new Session('json', "{$api}/refresh", tokens: new Tokens($accessToken, $refreshToken));
echo json_encode((new Client($session, $api))->get('/data')), "\n";
