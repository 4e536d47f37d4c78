#include "json.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct block {
    struct block *next;
    max_align_t memory[];
} block;

static block *blocks;

char *json_memory(size_t length) {
    block *made = calloc(1, sizeof *made + length);
    if (!made) abort();
    made->next = blocks;
    blocks = made;
    return (char *)made->memory;
}

void json_forget(void) {
    while (blocks) {
        block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
}

static char *copied(const char *text, size_t length) { return memcpy(json_memory(length + 1), text, length); }

static json *made(json_kind kind, double number) {
    json *node = (json *)json_memory(sizeof *node);
    node->kind = kind;
    node->number = number;
    return node;
}

json *json_null(void) { return made(JSON_NULL, 0); }
json *json_boolean(bool value) { return made(JSON_BOOLEAN, value); }
json *json_number(double value) { return made(JSON_NUMBER, value); }
json *json_list(void) { return made(JSON_LIST, 0); }
json *json_object(void) { return made(JSON_OBJECT, 0); }

json *json_text(const char *text) {
    json *node = made(JSON_TEXT, 0);
    node->text = copied(text, strlen(text));
    return node;
}

json *json_copy(const json *node) {
    json *copy = made(node->kind, node->number);
    copy->text = node->text;
    for (const json *one = node->first; one; one = one->next) json_add(copy, one->name, json_copy(one));
    return copy;
}

json *json_add(json *container, const char *name, json *node) {
    json *old = name ? json_get(container, name) : NULL;
    if (old) {
        json *next = old->next;
        char *its_name = old->name;
        *old = *node;
        old->next = next;
        old->name = its_name;
        return container;
    }
    if (name) node->name = copied(name, strlen(name));
    if (container->last) container->last->next = node;
    else container->first = node;
    container->last = node;
    return container;
}

json *json_get(const json *object, const char *name) {
    for (json *one = object && object->kind == JSON_OBJECT ? object->first : NULL; one; one = one->next)
        if (strcmp(one->name, name) == 0) return one;
    return NULL;
}

const char *json_string(const json *object, const char *name) {
    const json *found = json_get(object, name);
    return found && found->kind == JSON_TEXT ? found->text : NULL;
}

bool json_is(const json *object, const char *name, const char *text) {
    const char *found = json_string(object, name);
    return found && strcmp(found, text) == 0;
}

size_t json_length(const json *container) {
    size_t length = 0;
    for (const json *one = container ? container->first : NULL; one; one = one->next) length++;
    return length;
}

bool json_same(const json *one, const json *other) {
    if (one->kind != other->kind || json_length(one) != json_length(other)) return false;
    if (one->kind == JSON_TEXT) return strcmp(one->text, other->text) == 0;
    if (one->kind == JSON_LIST) {
        for (const json *a = one->first, *b = other->first; a; a = a->next, b = b->next)
            if (!json_same(a, b)) return false;
        return true;
    }
    for (const json *a = one->first; a; a = a->next) {
        const json *b = json_get(other, a->name);
        if (!b || !json_same(a, b)) return false;
    }
    return one->number == other->number;
}

/* Reading */

typedef struct { const char *at, *end; int depth; } reader;

static json *value(reader *in);

static void blank(reader *in) {
    while (in->at < in->end && strchr(" \t\r\n", *in->at) && *in->at) in->at++;
}

static bool take(reader *in, const char *word) {
    size_t length = strlen(word);
    blank(in);
    if ((size_t)(in->end - in->at) < length || memcmp(in->at, word, length) != 0) return false;
    in->at += length;
    return true;
}

static bool hex(reader *in, unsigned *code) {
    char digits[5] = {0}, *stop;
    if (in->end - in->at < 4) return false;
    memcpy(digits, in->at, 4);
    *code = (unsigned)strtoul(digits, &stop, 16);
    in->at += 4;
    return stop == digits + 4;
}

static char *utf8(char *out, unsigned code) {
    if (code < 0x80) return *out++ = (char)code, out;
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xC0, 0xE0, 0xF0};
    *out++ = (char)(first[more] | code >> 6 * more);
    while (more--) *out++ = (char)(0x80 | (code >> 6 * more & 0x3F));
    return out;
}

static char *text(reader *in) {
    if (!take(in, "\"")) return NULL;
    /* What is written is never shorter than what it stands for. */
    char *start = json_memory((size_t)(in->end - in->at) + 1), *out = start;
    while (in->at < in->end && *in->at != '"') {
        if (*in->at != '\\') {
            *out++ = *in->at++;
            continue;
        }
        if (++in->at == in->end) return NULL;
        char escape = *in->at++;
        const char *simple = strchr("\"\\/b\bf\fn\nr\rt\t", escape);
        if (escape == 'u') {
            unsigned code, low;
            if (!hex(in, &code)) return NULL;
            if (code >> 10 == 0x36 && take(in, "\\u") && hex(in, &low)) code = 0x10000 + ((code & 0x3FF) << 10 | (low & 0x3FF));
            out = utf8(out, code);
        } else if (simple) {
            *out++ = strchr("\"\\/", escape) ? escape : simple[1];
        } else {
            return NULL;
        }
    }
    return in->at++ < in->end ? start : NULL;
}

static json *members(reader *in, json *container, const char *close) {
    if (take(in, close)) return container;
    do {
        char *name = NULL;
        if (container->kind == JSON_OBJECT && (!(name = text(in)) || !take(in, ":"))) return NULL;
        json *node = value(in);
        if (!node) return NULL;
        json_add(container, name, node);
    } while (take(in, ","));
    return take(in, close) ? container : NULL;
}

static json *value(reader *in) {
    json *read = NULL;
    if (++in->depth > 200) return NULL;
    if (take(in, "null")) read = json_null();
    else if (take(in, "true")) read = json_boolean(true);
    else if (take(in, "false")) read = json_boolean(false);
    else if (take(in, "{")) read = members(in, json_object(), "}");
    else if (take(in, "[")) read = members(in, json_list(), "]");
    else if (in->at < in->end && *in->at == '"') {
        char *found = text(in);
        if (found) (read = made(JSON_TEXT, 0))->text = found;
    } else if (in->at < in->end && (isdigit((unsigned char)*in->at) || *in->at == '-')) {
        char *stop;
        read = json_number(strtod(in->at, &stop));
        in->at = stop;
    }
    in->depth--;
    return read;
}

json *json_parse(const char *text, size_t length) {
    /* strtod wants an end. */
    char *own = copied(text, length);
    reader in = {own, own + length, 0};
    json *read = value(&in);
    blank(&in);
    return in.at == in.end ? read : NULL;
}

/* Writing */

static void put(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++) {
        if (strchr("\"\\", *text)) fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < 0x20) fprintf(out, "\\u%04x", *text);
        else fputc(*text, out);
    }
    fputc('"', out);
}

static void write_node(FILE *out, const json *node) {
    bool is_object = node->kind == JSON_OBJECT;
    switch (node->kind) {
    case JSON_NULL: fputs("null", out); return;
    case JSON_BOOLEAN: fputs(node->number ? "true" : "false", out); return;
    case JSON_NUMBER: fprintf(out, fmod(node->number, 1) == 0 && fabs(node->number) < 1e15 ? "%.0f" : "%.17g", node->number); return;
    case JSON_TEXT: put(out, node->text); return;
    default: break;
    }
    fputc(is_object ? '{' : '[', out);
    for (const json *one = node->first; one; one = one->next) {
        if (one != node->first) fputc(',', out);
        if (is_object) put(out, one->name), fputc(':', out);
        write_node(out, one);
    }
    fputc(is_object ? '}' : ']', out);
}

char *json_write(const json *node) {
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out) abort();
    write_node(out, node);
    fclose(out);
    char *own = copied(text, length);
    free(text);
    return own;
}
