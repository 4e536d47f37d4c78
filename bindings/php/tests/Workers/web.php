<?php

declare(strict_types=1);

// A web application whose user signs in at the server in $SERVER: a router of the built-in server.

use Rekindle\Client;
use Rekindle\Exception\InvalidResponse;
use Rekindle\Session;
use Rekindle\SignInOptions;
use Rekindle\Store\FileStore;
use Rekindle\WebSignIn;

require_once dirname(__DIR__) . '/bootstrap.php';

session_save_path((string) getenv('FOLDER'));
session_start();
$server = (string) getenv('SERVER');
$store = new FileStore(getenv('FOLDER') . '/session.json');
$session = new Session(server: Session::discover($server), clientId: 'pub', origins: [$server], store: $store);
$options = new SignInOptions(scope: 'openid offline_access', prompt: 'consent');
$web = new WebSignIn($session, 'http://127.0.0.1/callback', $options);
switch (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) {
    case '/sign-in':
        header('Location: ' . $web->begin(returnTo: '/settings'));
        break;
    case '/callback':
        try {
            header('Location: ' . $web->finish());
        } catch (InvalidResponse $error) {
            http_response_code(400);
            echo $error->getMessage();
        }
        break;
    default:
        echo json_encode((new Client($session, $server))->get('/api/data'));
}
