#include "http/request_head.h"

#include "http/percent.h"

#include <string.h>

static const char *const method_names[HTTP_METHODS] = {
    [HTTP_GET] = "GET",       [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",       [HTTP_PUT] = "PUT",
    [HTTP_DELETE] = "DELETE", [HTTP_PATCH] = "PATCH", [HTTP_OPTIONS] = "OPTIONS",
};

const char *http_method_name(enum http_method method) { return method_names[method]; }

int http_method_find(struct span name) {
  for (int m = 0; m < HTTP_METHODS; m++)
    if (span_equal(name, (struct span){method_names[m], strlen(method_names[m])})) return m;
  return -1;
}

static struct span span_of(const struct request_head *head, struct slice slice) { return (struct span){head->base + slice.at, slice.len}; }

/* No span of a head that was parsed starts at its first byte, but the target's neighbours may be missing: they are all zeros. */
static struct span optional_span(const struct request_head *head, struct slice slice) {
  return slice.at ? span_of(head, slice) : (struct span){NULL, 0};
}

struct span request_target(const struct request_head *head) {
  return span_of(head, head->target_slice);
}
struct span request_path(const struct request_head *head) {
  return span_of(head, head->path_slice);
}
struct span request_query_string(const struct request_head *head) {
  return optional_span(head, head->query_slice);
}
struct span request_host(const struct request_head *head) {
  return optional_span(head, head->host_slice);
}

bool request_header_next(const struct request_head *head, const char *name, unsigned *index, struct span *ret_value) {
  struct span wanted = {name, strlen(name)};
  while (*index < head->header_count) {
    unsigned i = (*index)++;
    if (!span_equal_word(span_of(head, head->headers[i].name), wanted)) continue;
    *ret_value = span_of(head, head->headers[i].value);
    return true;
  }
  return false;
}

struct span request_header(const struct request_head *head, const char *name) {
  struct span value = {NULL, 0};
  unsigned index = 0;
  (void)request_header_next(head, name, &index, &value); /* absent: .at stays NULL */
  return value;
}

struct span request_header_list(const struct request_head *head, const char *name, struct arena *arena) {
  unsigned index = 0;
  struct span list = {NULL, 0}, line;
  if (!request_header_next(head, name, &index, &list)) return list;
  while (request_header_next(head, name, &index, &line)) {
    const char *longer = arena_printf(arena, "%.*s, %.*s", (int)list.len, list.at, (int)line.len, line.at);
    if (!longer) return (struct span){NULL, 0};
    list = (struct span){longer, strlen(longer)};
  }
  return list;
}

int request_query(const struct request_head *head, const char *name, char *to, size_t size) {
  struct span rest = request_query_string(head), wanted = {name, strlen(name)};
  bool found = false;
  while (rest.at) {
    struct span value = span_cut(&rest, '&');
    if (!span_equal(span_cut(&value, '='), wanted)) continue;
    if (found || percent_query(value, to, size) < 0) return -1;
    found = true;
  }
  return found;
}
