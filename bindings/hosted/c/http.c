#include "http.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static json *failed(const char *why, bool sent) {
    return json_add(json_add(json_object(), "error", json_text(why)), "sent", json_boolean(sent));
}

static int dialled(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(host, port, &hints, &found) != 0) return -1;
    int socket_ = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    if (socket_ >= 0 && connect(socket_, found->ai_addr, found->ai_addrlen) != 0) {
        close(socket_);
        socket_ = -1;
    }
    freeaddrinfo(found);
    return socket_;
}

static char *base64(const unsigned char *bytes, size_t length) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = json_memory(length * 4 / 3 + 5), *out = text;
    for (size_t at = 0; at < length; at += 3) {
        size_t left = length - at;
        unsigned three = (unsigned)bytes[at] << 16 | (left > 1 ? bytes[at + 1] << 8 : 0) | (left > 2 ? bytes[at + 2] : 0);
        for (int digit = 0; digit < 4; digit++) *out++ = (size_t)digit > left ? '=' : digits[three >> (18 - 6 * digit) & 63];
    }
    return text;
}

static json *response(char *text, size_t length) {
    char *body = strstr(text, "\r\n\r\n");
    if (!body || strlen(text) < 12) return failed("the answer broke off", true);
    size_t body_length = length - (size_t)(body + 4 - text);
    long promised = -1;
    json *headers = json_list();
    for (char *line = strstr(text, "\r\n") + 2; line < body + 2;) {
        char *end = strstr(line, "\r\n"), *colon = memchr(line, ':', (size_t)(end - line)), *value = colon + 1;
        if (!colon) return failed("the answer cannot be read", true);
        *end = *colon = 0;
        for (char *at = line; *at; at++) *at = (char)tolower((unsigned char)*at);
        while (*value == ' ') value++;
        json_add(headers, NULL, json_add(json_add(json_list(), NULL, json_text(line)), NULL, json_text(value)));
        if (strcmp(line, "content-length") == 0) promised = atol(value);
        line = end + 2;
    }
    if (promised > (long)body_length) return failed("the answer broke off", true);
    json *answer = json_add(json_object(), "status", json_number(atoi(text + 9)));
    json_add(answer, "headers", headers);
    json_add(answer, "body_base64", json_text(base64((unsigned char *)body + 4, body_length)));
    return json_add(answer, "body", json_text(body + 4));
}

json *http_send(const char *method, const char *url, const json *headers, const char *body) {
    char host[128], port[8] = "80";
    const char *authority = strstr(url, "://");
    if (!authority || sscanf(authority + 3, "%127[^:/]:%7[0-9]", host, port) < 1) return failed("the URL cannot be read", false);
    const char *path = strchr(authority + 3, '/');
    int connection = dialled(host, port);
    if (connection < 0) return failed("nobody listens there", false);
    FILE *stream = fdopen(connection, "r+");
    fprintf(stream, "%s %s HTTP/1.1\r\nhost: %s:%s\r\nconnection: close\r\n", method, path ? path : "/", host, port);
    for (const json *pair = headers ? headers->first : NULL; pair; pair = pair->next)
        fprintf(stream, "%s: %s\r\n", pair->first->text, pair->last->text);
    fprintf(stream, "content-length: %zu\r\n\r\n%s", body ? strlen(body) : 0, body ? body : "");
    fflush(stream);
    char *text = NULL;
    size_t length = 0;
    FILE *all = open_memstream(&text, &length);
    for (int byte; (byte = fgetc(stream)) != EOF;) fputc(byte, all);
    fclose(all);
    fclose(stream);
    json *answer = response(text, length);
    free(text);
    return answer;
}
