#include "host.h"

#include <rekindle.h>
#include <stdio.h>
#include <string.h>

#include "http.h"

bool host_open(host *host, double wall_ms) {
    uint8_t seed[32];
    FILE *random = fopen("/dev/urandom", "rb");
    bool drawn = random && fread(seed, sizeof seed, 1, random) == 1;
    if (random) fclose(random);
    if (!drawn || rekindle_abi_version() != 1) return false;
    host->core = rekindle_new(seed, NULL, 0);
    host->mono_ms = 1000;
    host->wall_ms = wall_ms;
    host->numbers = 0;
    host->events = json_list();
    return true;
}

void host_close(host *host) { rekindle_drop(host->core); }

/* Hands over messages: the effects. */
static json *turn(host *host, const json *messages) {
    char *input = json_write(messages);
    const uint8_t *output = rekindle_turn(host->core, host->mono_ms, host->wall_ms, (const uint8_t *)input, strlen(input));
    return json_get(json_parse((const char *)output, rekindle_output_length(host->core)), "effects");
}

/* Carries out an effect; what there is to say goes to the messages of the next turn. */
static void carry_out(host *host, json *effect, json *messages) {
    if (json_is(effect, "effect", "event")) {
        json_add(host->events, NULL, json_copy(effect));
    } else if (json_is(effect, "effect", "send")) {
        json *answer = http_send(json_string(effect, "method"), json_string(effect, "url"), json_get(effect, "headers"), json_string(effect, "body"));
        json_add(answer, "do", json_text("answer"));
        json_add(messages, NULL, json_add(answer, "op", json_copy(json_get(effect, "op"))));
    }
}

json *host_call(host *host, json *message) {
    double call = ++host->numbers;
    json_add(message, "call", json_number(call));
    json *messages = json_add(json_list(), NULL, message), *done = NULL;
    while (messages->first) {
        json *effects = turn(host, messages);
        messages = json_list();
        for (json *effect = effects ? effects->first : NULL; effect; effect = effect->next) {
            if (json_is(effect, "effect", "done") && json_get(effect, "call")->number == call) done = effect;
            else carry_out(host, effect, messages);
        }
    }
    return done;
}

void host_tell(host *host, json *message) { turn(host, json_add(json_list(), NULL, message)); }

static json *about(const char *what, json *request) {
    return json_add(json_add(json_object(), "do", json_text(what)), "request", json_copy(request));
}

/* Everybody's headers, then ours, which take the place of those of the same name. */
static json *together(json *own, const json *ours) {
    json *all = own ? json_copy(own) : json_list();
    for (json *pair = ours ? ours->first : NULL; pair; pair = pair->next) json_add(all, NULL, json_copy(pair));
    return all;
}

static json *begin(host *host, json *request, const char *method, const char *url, json *own, const char *body) {
    json *message = json_add(about("begin", request), "session", json_number(1));
    json_add(json_add(message, "method", json_text(method)), "url", json_text(url));
    json_add(message, "body", body ? json_add(json_object(), "text", json_text(body)) : json_text("none"));
    return host_call(host, own ? json_add(message, "headers", json_copy(own)) : message);
}

json *host_request(host *host, const char *method, const char *url, const json *headers, const char *body) {
    json *request = json_number(++host->numbers), *own = headers ? json_copy(headers) : NULL;
    json *done = begin(host, request, method, url, own, body), *response = NULL;
    double redirects = 0;
    while (done && !json_get(done, "error")) {
        json *said = json_get(done, "ok");
        response = http_send(method, url, together(own, json_get(said, "headers")), body);
        if (json_get(response, "error")) return response;
        json *answered = about("answered", request);
        json_add(answered, "status", json_copy(json_get(response, "status")));
        json_add(answered, "headers", json_copy(json_get(response, "headers")));
        json_add(answered, "body_base64", json_copy(json_get(response, "body_base64")));
        if (!(done = host_call(host, answered)) || !(said = json_get(done, "ok"))) break;
        if (json_is(said, "next", "send_again")) continue;
        json_add(response, "verdict", json_copy(json_get(said, "verdict")));
        json_add(response, "replay_refused", json_copy(json_get(said, "replay_refused")));
        json *redirected = about("redirected", request);
        json_add(redirected, "status", json_copy(json_get(response, "status")));
        json_add(redirected, "headers", json_copy(json_get(response, "headers")));
        done = host_call(host, redirected);
        said = json_get(done, "ok");
        if (!said || said->kind != JSON_OBJECT) {
            json_add(json_add(response, "url", json_text(url)), "redirects", json_number(redirects));
            break;
        }
        redirects++;
        method = json_string(said, "method");
        url = json_string(said, "url");
        own = json_get(said, "own");
        if (!json_get(said, "keeps_body")->number) body = NULL;
    }
    host_tell(host, about("end", request));
    return done && json_get(done, "error") ? done : done ? response : NULL;
}
