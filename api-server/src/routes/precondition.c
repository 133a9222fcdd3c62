#include "routes/precondition.h"

#include "base/number.h"

#include <inttypes.h>
#include <string.h>

enum { LITERAL_MAX = 64 * 1024 };

/* The revision that TAG names, 0 for "*", -1 for what is no tag of ours. */
static int64_t revision_of(struct span tag, bool weak_too) {
  int64_t revision;
  if (span_equal(tag, SPAN("*"))) return 0;
  if (weak_too && tag.len > 2 && !memcmp(tag.at, "W/", 2)) tag = (struct span){tag.at + 2, tag.len - 2};
  if (tag.len < 3 || tag.at[0] != '"' || tag.at[tag.len - 1] != '"') return -1;
  return parse_int64_n(tag.at + 1, tag.len - 2, 1, INT64_MAX, &revision) < 0 ? -1 : revision;
}

int precondition_read(const struct request *request, const char *name, const char **ret) {
  _cleanup_buffer_ struct buffer literal;
  struct span line, tag;
  unsigned index = 0;
  bool is_there = false, weak_too = !strcmp(name, "if-none-match");
  buffer_init(&literal, LITERAL_MAX);
  while (request_header_next(&request->head, name, &index, &line)) {
    is_there = true;
    while (span_next_item(&line, &tag)) {
      int64_t revision = revision_of(tag, weak_too);
      if (revision >= 0) buffer_printf(&literal, "%s%" PRId64, literal.len ? "," : "", revision);
    }
  }
  *ret = is_there ? arena_printf(request->arena, "{%s}", buffer_text(&literal)) : NULL;
  return literal.failed || (is_there && !*ret) ? -1 : 0;
}
