<?php

// A GraphQL query with nothing but curl. `UNAUTHENTICATED` is answered with the mutation `refreshToken`, and the query is sent again.
use Rekindle\{Client, Session, Tokens};

require getenv('AUTOLOAD') ?: 'vendor/autoload.php';

['API_URL' => $api, 'ACCESS_TOKEN' => $accessToken, 'REFRESH_TOKEN' => $refreshToken] = getenv();
$session = new Session('graphql', $api, tokens: new Tokens($accessToken, $refreshToken));

$students = (new Client($session, $api, '/'))->graphql('{ students(limit: 5) { id fullName classroomName } }');
echo json_encode($students), "\n";
