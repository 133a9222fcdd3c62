#include "routes/etag.h"

#include <string.h>

static struct span opaque_part(struct span tag) {
  return tag.len > 2 && !memcmp(tag.at, "W/", 2) ? (struct span){tag.at + 2, tag.len - 2} : tag;
}

static bool is_same(struct span item, const char *etag) {
  return span_equal(opaque_part(item), opaque_part((struct span){etag, strlen(etag)})) || span_equal(item, SPAN("*"));
}

bool etag_matches(const struct request *request, const char *etag) {
  unsigned index = 0;
  struct span line, item;
  while (request_header_next(&request->head, "if-none-match", &index, &line))
    while (span_next_item(&line, &item))
      if (is_same(item, etag)) return true;
  return false;
}

void etag_answer(struct request *request, const char *etag, const char *cache_control, const char *content_type, const char *body,
                 size_t n) {
  request_field(request, "ETag", etag);
  request_field(request, "Cache-Control", cache_control);
  if (etag_matches(request, etag))
    request_answer(request, 304, NULL, NULL, 0);
  else
    request_answer(request, 200, content_type, body, n);
}
