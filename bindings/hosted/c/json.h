/* JSON as far as a host needs it: parsed into nodes, and written again. All nodes of a program are given back at once. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>

typedef enum { JSON_NULL, JSON_BOOLEAN, JSON_NUMBER, JSON_TEXT, JSON_LIST, JSON_OBJECT } json_kind;

typedef struct json {
    json_kind kind;
    char *name; /* of a member of an object */
    char *text;
    double number; /* of a boolean: 0 or 1 */
    struct json *first, *last, *next;
} json;

/* NULL where it is no JSON. */
json *json_parse(const char *text, size_t length);
char *json_write(const json *node);

json *json_null(void);
json *json_boolean(bool value);
json *json_number(double value);
json *json_text(const char *text);
json *json_list(void);
json *json_object(void);
json *json_copy(const json *node);

/* Adds to a list (`name` is NULL) or puts a member into an object, in place of one of that name. Gives the container. */
json *json_add(json *container, const char *name, json *node);

/* NULL where there is no such member, or nothing that has members. */
json *json_get(const json *object, const char *name);
/* NULL where it is no text. */
const char *json_string(const json *object, const char *name);
bool json_is(const json *object, const char *name, const char *text);
size_t json_length(const json *container);
bool json_same(const json *one, const json *other);

/* Memory that lives as long as the nodes. */
char *json_memory(size_t length);
void json_forget(void);

#endif
