/* HTTP/1.1 to loopback, one connection a request. */
#ifndef HTTP_H
#define HTTP_H

#include "json.h"

/* `headers`: pairs, as the core has them. An object with `status`, `headers`, `body` (a text) and `body_base64`; or with `error`, and
   `sent: false` where nothing was sent. */
json *http_send(const char *method, const char *url, const json *headers, const char *body);

#endif
