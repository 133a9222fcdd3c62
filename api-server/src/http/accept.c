#include "http/accept.h"

#include <string.h>

enum { WEIGHT_MAX = 1000 };

/* qvalue (RFC 9110, 12.4.2) in thousandths; -1: malformed. */
static int parse_weight(struct span text) {
  static const int units[] = {100, 10, 1};
  if (!text.len || text.len > 5 || (*text.at != '0' && *text.at != '1') || (text.len > 1 && text.at[1] != '.')) return -1;
  int weight = *text.at == '1' ? WEIGHT_MAX : 0;
  for (size_t i = 2; i < text.len; i++) {
    if (text.at[i] < '0' || text.at[i] > '9') return -1;
    weight += (text.at[i] - '0') * units[i - 2];
  }
  return weight <= WEIGHT_MAX ? weight : -1;
}

/* "text/html;level=1;q=0.5" */
struct range {
  struct span type;
  int weight;
};

static bool parse_range(struct span element, struct range *ret) {
  struct range range = {span_trim(span_cut(&element, ';')), WEIGHT_MAX};
  if (!memchr(range.type.at, '/', range.type.len)) return false;
  while (element.at) {
    struct span value = span_cut(&element, ';'), name = span_trim(span_cut(&value, '='));
    if (span_is_word(name, "q") && (!value.at || (range.weight = parse_weight(span_trim(value))) < 0)) return false;
  }
  *ret = range;
  return true;
}

/* 3: that very type; 2: its family; 1: any; 0: another. */
static int specificity(struct span range, const char *type) {
  size_t family = strcspn(type, "/") + 1;
  if (span_is_word(range, type)) return 3;
  if (span_is_word(range, "*/*")) return 1;
  bool is_family = range.len == family + 1 && range.at[family] == '*';
  return is_family && span_equal_word((struct span){range.at, family}, (struct span){type, family}) ? 2 : 0;
}

/* Of one type; RET_READABLE: whether any element could be read. */
static int weight_of(const struct request_head *head, const char *type, bool *ret_readable) {
  struct span line, element;
  unsigned index = 0;
  int best = 0, weight = 0;
  while (request_header_next(head, "accept", &index, &line)) {
    while (span_next_item(&line, &element)) {
      struct range range;
      if (!parse_range(element, &range)) continue;
      *ret_readable = true;
      int rank = specificity(range.type, type);
      if (rank > best || (rank == best && rank && range.weight > weight)) best = rank, weight = range.weight;
    }
  }
  return weight;
}

int accept_choose(const struct request_head *head, const char *const *types, size_t count) {
  int chosen = -1, greatest = 0;
  bool readable = false;
  for (size_t i = 0; i < count; i++) {
    int weight = weight_of(head, types[i], &readable);
    if (weight > greatest) chosen = (int)i, greatest = weight;
  }
  return readable ? chosen : 0;
}
