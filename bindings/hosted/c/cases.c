/* Plays conformance cases, and tells of each in TAP: those in which one thing happens after the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "http.h"

#define WALL_MS 1893456000000.0

static const char *complaint;

static void complain(const char *what, const json *actual, const json *wanted) {
    if (complaint) return;
    char *text = json_memory(strlen(what) + 32 + (actual ? strlen(json_write(actual)) : 0) + strlen(json_write(wanted)));
    sprintf(text, "%s: %s instead of %s", what, actual ? json_write(actual) : "nothing", json_write(wanted));
    complaint = text;
}

/* Patterns */

static bool matches(const json *pattern, const json *actual);

static bool contains(const json *wanted, const json *actual) {
    if (!actual || actual->kind != JSON_TEXT) return false;
    if (wanted->kind == JSON_TEXT) return strstr(actual->text, wanted->text) != NULL;
    for (const json *one = wanted->first; one; one = one->next)
        if (!strstr(actual->text, one->text)) return false;
    return true;
}

static bool lacks(const json *wanted, const json *actual) {
    if (wanted->kind == JSON_TEXT) return !contains(wanted, actual);
    for (const json *one = wanted->first; one; one = one->next)
        if (contains(one, actual)) return false;
    return true;
}

static bool applies(const json *matcher, const json *actual) {
    static const char *const kinds[] = {"null", "boolean", "number", "string", "array", "object"};
    const char *name = matcher->name;
    if (strcmp(name, "$absent") == 0) return !actual;
    if (!actual) return false;
    if (strcmp(name, "$any") == 0) return true;
    if (strcmp(name, "$type") == 0) return strcmp(kinds[actual->kind], matcher->text) == 0;
    if (strcmp(name, "$at_least") == 0) return actual->kind == JSON_NUMBER && actual->number >= matcher->number;
    if (strcmp(name, "$at_most") == 0) return actual->kind == JSON_NUMBER && actual->number <= matcher->number;
    if (strcmp(name, "$contains") == 0) return contains(matcher, actual);
    return strcmp(name, "$lacks") == 0 && lacks(matcher, actual);
}

/* Objects may have further members, lists may not. */
static bool matches(const json *pattern, const json *actual) {
    if (pattern->kind == JSON_OBJECT && pattern->first && pattern->first->name[0] == '$') {
        for (const json *one = pattern->first; one; one = one->next)
            if (!applies(one, actual)) return false;
        return true;
    }
    if (!actual || pattern->kind != actual->kind) return false;
    if (pattern->kind == JSON_OBJECT) {
        for (const json *one = pattern->first; one; one = one->next)
            if (!matches(one, json_get(actual, one->name))) return false;
        return true;
    }
    if (pattern->kind != JSON_LIST) return json_same(pattern, actual);
    const json *one = pattern->first, *other = actual->first;
    for (; one && other && matches(one, other); one = one->next) other = other->next;
    return !one && !other;
}

static void expect(const char *what, const json *pattern, const json *actual) {
    if (pattern && !matches(pattern, actual)) complain(what, actual, pattern);
}

/* What must hold for every text that is told. */
static void no_token(const char *what, const json *told) {
    const char *text = told ? json_write(told) : "";
    if (strstr(text, "AT-") || strstr(text, "RT-") || strstr(text, "SECRET-")) complain(what, told, json_text("no token"));
}

/* The server */

typedef struct { int input; char *url; } server;

static server start(const char *program) {
    int to[2], from[2];
    if (pipe(to) != 0 || pipe(from) != 0) abort();
    if (fork() == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[0]), close(to[1]), close(from[0]), close(from[1]);
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    close(to[0]), close(from[1]);
    char line[256] = "";
    FILE *out = fdopen(from[0], "r");
    if (!fgets(line, sizeof line, out)) abort();
    fclose(out);
    return (server){to[1], json_get(json_parse(line, strlen(line)), "url")->text};
}

static json *control(const server *server, const char *method, const char *path, const json *body) {
    char *url = json_memory(strlen(server->url) + strlen(path) + 1);
    strcat(strcpy(url, server->url), path);
    json *type = json_add(json_add(json_list(), NULL, json_text("content-type")), NULL, json_text("application/json"));
    json *answer = http_send(method, url, json_add(json_list(), NULL, type), body ? json_write(body) : NULL);
    const char *text = json_string(answer, "body");
    return text ? json_parse(text, strlen(text)) : NULL;
}

static void stop(const server *server) {
    close(server->input);
    while (wait(NULL) > 0) {}
}

/* Operations */

static json *headers_of(const json *spec) {
    json *pairs = json_list();
    const json *given = json_get(spec, "headers");
    for (const json *one = given ? given->first : NULL; one; one = one->next)
        json_add(pairs, NULL, json_add(json_add(json_list(), NULL, json_text(one->name)), NULL, json_text(one->text)));
    if (json_get(spec, "json"))
        json_add(pairs, NULL, json_add(json_add(json_list(), NULL, json_text("content-type")), NULL, json_text("application/json")));
    return pairs;
}

/* With what cases speak of: headers by name, the body as JSON. */
static json *told(const json *response) {
    json *headers = json_object(), *given = json_get(response, "headers");
    const char *text = json_string(response, "body");
    for (json *pair = given ? given->first : NULL; pair; pair = pair->next) json_add(headers, pair->first->text, json_copy(pair->last));
    json *result = json_add(json_object(), "headers", headers);
    /* What is null is absent. */
    for (json *one = response->first; one; one = one->next)
        if (one->kind != JSON_NULL && strcmp(one->name, "headers") != 0) json_add(result, one->name, json_copy(one));
    json *read = text ? json_parse(text, strlen(text)) : NULL;
    if (text) json_add(result, "text", json_text(text));
    return read ? json_add(result, "json", read) : result;
}

static json *request(host *host, const server *server, const json *spec) {
    const char *path = json_string(spec, "url"), *method = json_string(spec, "method");
    char *url = json_memory(strlen(server->url) + strlen(path) + 1);
    strcat(strcpy(url, strstr(path, "://") ? "" : server->url), path);
    const char *body = json_get(spec, "json") ? json_write(json_get(spec, "json")) : json_string(spec, "text");
    json *done = host_request(host, method ? method : "GET", url, headers_of(spec), body);
    return done && !json_get(done, "error") ? told(done) : done;
}

static json *message(const char *what) {
    return json_add(json_add(json_object(), "do", json_text(what)), "session", json_number(1));
}

static json *usual_tokens(void) {
    json *tokens = json_add(json_object(), "access_token", json_text("AT-1"));
    return json_add(tokens, "refresh_token", json_text("RT-1"));
}

static json *asked(host *host, const json *spec) {
    const char *op = json_string(spec, "op");
    const json *force = json_get(spec, "force"), *if_valid = json_get(spec, "if_valid"), *given = json_get(spec, "credential");
    if (strcmp(op, "refresh") == 0 && force && force->number) op = "force_refresh";
    if (strcmp(op, "token") == 0 && if_valid && if_valid->number) op = "token_if_valid";
    json *ask = message(op);
    if (json_get(spec, "min_life_ms")) json_add(ask, "min_life_ms", json_copy(json_get(spec, "min_life_ms")));
    if (json_get(spec, "fresh")) json_add(ask, "fresh", json_boolean(true));
    if (strcmp(op, "sign_in") == 0) json_add(ask, "credential", given ? json_copy(given) : usual_tokens());
    if (strcmp(op, "invalidate") == 0) {
        host_tell(host, ask);
        return json_object();
    }
    return host_call(host, ask);
}

static void operate(host *host, const server *server, const json *spec) {
    const json *ms = json_get(spec, "ms"), *by = json_get(spec, "by_ms"), *expected = json_get(spec, "expect");
    if (json_is(spec, "op", "advance")) host->mono_ms += ms->number;
    if (ms || by) {
        host->wall_ms += ms ? ms->number : by->number;
        return;
    }
    json *given = json_is(spec, "op", "request") ? request(host, server, spec) : asked(host, spec);
    if (!given) {
        complain(json_write(spec), NULL, json_text("an end: the core waits for time to pass"));
        return;
    }
    json *error = json_get(given, "error"), *result = json_get(given, "ok");
    if (error) {
        no_token("an error", json_get(error, "message"));
        const json *response = json_get(error, "response");
        if (response && response->kind == JSON_OBJECT) json_add(error, "response", told(response));
        if (!json_get(expected, "error")) complain(json_write(spec), error, json_text("no error"));
        result = given;
    } else if (!result) {
        result = given;
    } else if (result->kind == JSON_NULL) {
        result = json_add(json_object(), "token", json_null());
    }
    expect(json_write(spec), expected, result);
}

/* A case */

static bool opened(host *host, const server *server, const json *spec) {
    static const char *const settings[] = {"dialect", "token_url", "client_id", "client_secret", "variables", "rotation", "background", "client_credentials"};
    const json *given = json_get(spec, "session"), *tokens = json_get(given, "credential");
    char *token_url = json_memory(strlen(server->url) + 8);
    json *all = json_add(json_object(), "client_id", json_text("app"));
    json_add(all, "token_url", json_text(strcat(strcpy(token_url, server->url), "/token")));
    json_add(all, "origins", json_add(json_list(), NULL, json_text(server->url)));
    for (size_t at = 0; at < sizeof settings / sizeof *settings; at++)
        if (json_get(given, settings[at])) json_add(all, settings[at], json_copy(json_get(given, settings[at])));
    if (!tokens || tokens->kind == JSON_OBJECT) json_add(all, "tokens", tokens ? json_copy(tokens) : usual_tokens());
    json *done = host_call(host, json_add(message("session"), "settings", all));
    if (json_get(done, "error")) complain("the session", json_get(done, "error"), json_text("no error"));
    return !json_get(done, "error");
}

static void check_events(const host *host, const json *wanted) {
    json *patterns = json_list();
    for (const json *one = wanted ? wanted->first : NULL; one; one = one->next) {
        const json *times = json_get(one, "times");
        for (int left = times ? (int)times->number : 1; left > 0; left--) {
            json *pattern = one->kind == JSON_TEXT ? json_add(json_object(), "name", json_copy(one)) : json_object();
            for (const json *part = one->first; part; part = part->next)
                if (strcmp(part->name, "times") != 0) json_add(pattern, part->name, json_copy(part));
            json_add(patterns, NULL, pattern);
        }
    }
    if (wanted) expect("events", patterns, host->events);
    no_token("the events", host->events);
}

static json *logged(json *entry) {
    json *headers = json_object();
    for (json *pair = json_get(entry, "headers")->first; pair; pair = pair->next) json_add(headers, pair->first->text, json_copy(pair->last));
    const char *authorization = json_string(entry, "authorization"), *blank = authorization ? strchr(authorization, ' ') : NULL;
    json_add(entry, "token", json_text(blank ? blank + 1 : authorization ? authorization : ""));
    return json_add(entry, "headers", headers);
}

/* The script is used up, nothing else was asked for, and each entry was seen as often as it says. */
static void check_log(const server *server, const json *wanted) {
    json *complaints = json_get(control(server, "GET", "/__consumed", NULL), "complaints");
    if (json_length(complaints)) complain("the script", complaints, json_list());
    json *log = control(server, "GET", "/__log", NULL);
    for (json *entry = log->first; entry; entry = entry->next) logged(entry);
    for (const json *one = wanted ? wanted->first : NULL; one; one = one->next) {
        json *pattern = json_object(), *count = json_number(1);
        for (const json *part = one->first; part; part = part->next)
            if (strcmp(part->name, "count") == 0) count = json_copy(part);
            else json_add(pattern, part->name, json_copy(part));
        double found = 0;
        for (const json *entry = log->first; entry; entry = entry->next) found += matches(pattern, entry);
        expect(json_write(one), count, json_number(found));
    }
}

static json *at_server(const json *spec, const char *url) {
    char *text = json_write(spec);
    size_t places = 0;
    for (char *at = text; (at = strstr(at, "{server}")); at++) places++;
    char *named = json_memory(strlen(text) + places * strlen(url) + 1), *end = named;
    for (char *found; (found = strstr(text, "{server}")); text = found + 8) end += sprintf(end, "%.*s%s", (int)(found - text), text, url);
    strcpy(end, text);
    return json_parse(named, strlen(named));
}

/* The first thing that is not as it should be; NULL if there is none. */
static const char *play(const char *program, const json *written) {
    complaint = NULL;
    server server = start(program);
    host host;
    if (!host_open(&host, WALL_MS)) return "no core of this version";
    json *spec = at_server(written, server.url), *script = json_get(spec, "server"), *expected = json_get(spec, "expect");
    control(&server, "POST", "/__script", script ? script : json_parse("{\"steps\":[]}", 12));
    if (opened(&host, &server, spec)) {
        for (json *one = json_get(spec, "operations")->first; one && !complaint; one = one->next) operate(&host, &server, one);
        json *counters = json_get(expected, "counters");
        if (counters) expect("counters", counters, json_get(host_call(&host, message("stats")), "ok"));
        check_events(&host, json_get(expected, "events"));
        check_log(&server, json_get(expected, "server_log"));
    }
    host_close(&host);
    stop(&server);
    return complaint;
}

static bool within(const char *words, const char *word) {
    char padded[64];
    snprintf(padded, sizeof padded, " %s ", word);
    return strstr(words, padded) != NULL;
}

/* One thing after the other, one server, one session that the core keeps, and nothing that this host does not have. */
static bool fits(const json *spec) {
    static const char *const settings = " dialect token_url client_id client_secret variables credential rotation background client_credentials ";
    static const char *const ops = " request token refresh invalidate sign_in sign_out status advance jump_wall ";
    static const char *const parts = " op url method headers json text expect ms by_ms force if_valid min_life_ms credential fresh ";
    static const char *const steps = " match respond repeat ";
    const json *session = json_get(spec, "session"), *server = json_get(spec, "server"), *script = json_get(server, "steps");
    if (json_get(spec, "lazy") || json_get(spec, "other") || json_get(server, "auth") || json_is(spec, "topic", "retry")) return false;
    if (json_get(session, "dialect") && !json_string(session, "dialect")) return false;
    for (const json *one = session ? session->first : NULL; one; one = one->next)
        if (!within(settings, one->name)) return false;
    for (const json *step = script ? script->first : NULL; step; step = step->next)
        for (const json *part = step->first; part; part = part->next)
            if (!within(steps, part->name)) return false;
    for (const json *one = json_get(spec, "operations")->first; one; one = one->next) {
        if (!within(ops, json_string(one, "op"))) return false;
        for (const json *part = one->first; part; part = part->next)
            if (!within(parts, part->name)) return false;
    }
    return true;
}

int main(int count, char **args) {
    if (count != 4) return fputs("cases <rekindle-test-server> <cases.json> <cases|must-fail>\n", stderr), 2;
    bool must_fail = strcmp(args[3], "must-fail") == 0, failed = false;
    FILE *file = fopen(args[2], "rb");
    char *text = NULL;
    size_t length = 0, number = 0;
    FILE *all = open_memstream(&text, &length);
    for (int byte; file && (byte = fgetc(file)) != EOF;) fputc(byte, all);
    fclose(all);
    if (file) fclose(file);
    json *suite = json_parse(text, length), *cases = json_get(suite, "cases");
    for (const json *spec = cases ? cases->first : NULL; spec; spec = spec->next) {
        if (!fits(spec)) continue;
        const char *why = play(args[1], spec);
        bool ok = must_fail ? why != NULL : !why;
        printf("%s %zu - %s::%s\n", ok ? "ok" : "not ok", ++number, args[3], json_string(spec, "id"));
        if (!ok) printf("# %s\n", why ? why : "it passed");
        fflush(stdout);
        failed |= !ok;
    }
    printf("1..%zu\n", number);
    json_forget();
    free(text);
    return failed || number == 0;
}
