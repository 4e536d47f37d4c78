/* A host of the core, in its simplest form: it does one thing after the other, and keeps its clocks itself. */
#ifndef HOST_H
#define HOST_H

#include "json.h"

typedef struct {
    struct rekindle_handle *core;
    double mono_ms, wall_ms;
    double numbers; /* of calls and requests */
    json *events;   /* of all sessions */
} host;

bool host_open(host *host, double wall_ms);
void host_close(host *host);

json *host_call(host *host, json *message);

/* A message that no `done` answers. */
void host_tell(host *host, json *message);

/* One HTTP request of a session, signed, judged, sent again and led on: `status`, `url`, `redirects`, `headers` (pairs), `body`,
   `verdict`, `replay_refused`; or `error`. */
json *host_request(host *host, const char *method, const char *url, const json *headers, const char *body);

#endif
