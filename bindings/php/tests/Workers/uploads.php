<?php

declare(strict_types=1);

// An API that turns AT-1 away as soon as it has the head and a little of the body; its tokens are asked for at /token. AT-2 is told what
// came of its body. Says its address; ends with its input.

$none = null;
/**
 * @param resource $peer
 * @param array<string, string> $headers
 */
$body = static function ($peer, array $headers): string {
    if (!isset($headers['transfer-encoding'])) {
        return (string) stream_get_contents($peer, (int) ($headers['content-length'] ?? 0));
    }
    $body = '';
    while (($size = (int) hexdec(trim((string) fgets($peer)))) > 0) {
        $body .= stream_get_contents($peer, $size);
        fgets($peer);
    }
    fgets($peer);
    return $body;
};

/**
 * @param resource $peer
 * @param array<string, mixed> $json
 */
$answer = static function ($peer, int $status, array $json): void {
    $text = json_encode($json, JSON_THROW_ON_ERROR);
    $head = "HTTP/1.1 {$status} Said\r\nContent-Type: application/json\r\nContent-Length: " . strlen($text);
    fwrite($peer, "{$head}\r\nConnection: close\r\n\r\n{$text}");
    fflush($peer);
};

/** @param resource $peer */
$serve = static function ($peer) use ($body, $answer): void {
    [$line] = explode(' HTTP/', (string) fgets($peer));
    $headers = [];
    while (($header = trim((string) fgets($peer))) !== '') {
        [$name, $value] = explode(':', $header, 2);
        $headers[strtolower($name)] = trim($value);
    }
    if (isset($headers['expect'])) {
        fwrite($peer, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    [$method, $path] = explode(' ', $line);
    if ($path === '/bomb') {
        $bomb = (string) gzencode(str_repeat('a', 8 << 20));
        $head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " . strlen($bomb);
        fwrite($peer, "{$head}\r\nConnection: close\r\n\r\n{$bomb}");
    } elseif ($path === '/token') {
        $body($peer, $headers);
        $answer($peer, 200, ['access_token' => 'AT-2', 'refresh_token' => 'RT-2', 'expires_in' => 900]);
    } elseif (($headers['authorization'] ?? '') !== 'Bearer AT-2') {
        isset($headers['content-length']) ? stream_get_contents($peer, min(8192, (int) $headers['content-length'])) : fgets($peer);
        $answer($peer, 401, ['error' => 'expired']);
        // The sender may be in the middle of it: a connection that is closed now would be reset.
        stream_socket_shutdown($peer, STREAM_SHUT_WR);
        while (!feof($peer) && fread($peer, 65_536) !== false) {
            continue;
        }
    } else {
        $came = $body($peer, $headers);
        $answer($peer, 200, ['bytes' => strlen($came), 'crc' => crc32($came), 'length' => $headers['content-length'] ?? null]);
    }
    fclose($peer);
};

$server = stream_socket_server('tcp://127.0.0.1:0');
echo 'http://' . stream_socket_get_name($server, false) . "\n";
stream_set_blocking(STDIN, false);
while (true) {
    $ready = [$server, STDIN];
    stream_select($ready, $none, $none, null);
    if (in_array(STDIN, $ready, true)) {
        exit(0);
    }
    $peer = stream_socket_accept($server);
    if ($peer !== false) {
        $serve($peer);
    }
}
