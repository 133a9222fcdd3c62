/* Request-targets (RFC 9112, 3.2) and authorities (RFC 3986, 3.2, less user info). */
#include "http/bytes.h"
#include "http/guard_rules.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_LEN = 255, PORT_MAX = 65535 };

/* Bytes of the class, and "%" with two hex digits. */
static bool is_encoded(struct span s, unsigned classes) {
  for (size_t i = 0; i < s.len; i++) {
    if (byte_is(s.at[i], classes)) continue;
    if (s.at[i] != '%' || s.len - i < 3 || byte_hex(s.at[i + 1]) < 0 || byte_hex(s.at[i + 2]) < 0) return false;
    i += 2;
  }
  return true;
}

static bool port_is_valid(struct span port) {
  if (port.len > 5 || !bytes_are(port, BYTE_DIGIT)) return false;
  int value = 0;
  for (size_t i = 0; i < port.len; i++) value = value * 10 + (port.at[i] - '0');
  return value >= 1 && value <= PORT_MAX;
}

/* An IPv6 address in brackets, and what follows it in *REST. */
static bool literal_is_valid(struct span *rest) {
  struct span inside = {rest->at + 1, rest->len - 1};
  struct span address = span_cut(&inside, ']');
  char text[INET6_ADDRSTRLEN];
  unsigned char binary[16];
  if (!inside.at || address.len >= sizeof text) return false;
  memcpy(text, address.at, address.len);
  text[address.len] = 0;
  *rest = inside;
  return inet_pton(AF_INET6, text, binary) == 1;
}

bool authority_is_valid(struct span authority) {
  if (!authority.len) return false;
  if (*authority.at != '[') {
    struct span rest = authority, name = span_cut(&rest, ':');
    return bytes_are(name, BYTE_NAME) && name.len <= NAME_MAX_LEN && (!rest.at || port_is_valid(rest));
  }
  struct span rest = authority;
  if (!literal_is_valid(&rest)) return false;
  return !rest.len || (*rest.at == ':' && port_is_valid((struct span){rest.at + 1, rest.len - 1}));
}

/* After the authority, if any: an absolute path, and perhaps a query. */
static enum refusal parse_path(struct request_head *head, struct span rest) {
  struct span path = span_cut(&rest, '?');
  if (!path.len || *path.at != '/' || !is_encoded(path, BYTE_PATH) || !is_encoded(rest, BYTE_QUERY)) return REFUSE_TARGET;
  head->path_slice = slice_of(head, path);
  if (rest.at) head->query_slice = slice_of(head, rest);
  return REFUSE_NOTHING;
}

static size_t scheme_length(struct span target) {
  static const struct span schemes[] = {{"http://", 7}, {"https://", 8}};
  for (size_t i = 0; i < ELEMENTS(schemes); i++)
    if (target.len > schemes[i].len && !strncasecmp(target.at, schemes[i].at, schemes[i].len)) return schemes[i].len;
  return 0;
}

static enum refusal parse_absolute(struct parsed *parsed, struct span target) {
  size_t scheme = scheme_length(target);
  if (!scheme) return REFUSE_TARGET;
  struct span rest = {target.at + scheme, target.len - scheme};
  size_t len = 0;
  while (len < rest.len && rest.at[len] != '/' && rest.at[len] != '?') len++;
  parsed->authority = (struct span){rest.at, len};
  if (!authority_is_valid(parsed->authority)) return REFUSE_TARGET;
  rest = (struct span){rest.at + len, rest.len - len};
  if (rest.len && *rest.at == '/') return parse_path(parsed->head, rest);
  if (rest.len && !is_encoded((struct span){rest.at + 1, rest.len - 1}, BYTE_QUERY)) return REFUSE_TARGET;
  parsed->head->path_slice = slice_of(parsed->head, (struct span){target.at + scheme - 1, 1}); /* an empty path is "/": the scheme's last */
  if (rest.len) parsed->head->query_slice = slice_of(parsed->head, (struct span){rest.at + 1, rest.len - 1});
  return REFUSE_NOTHING;
}

enum refusal parse_target(struct parsed *parsed, struct span target) {
  struct request_head *head = parsed->head;
  head->target_slice = slice_of(head, target);
  if (*target.at == '/') return parse_path(head, target);
  if (!span_equal(target, SPAN("*"))) return parse_absolute(parsed, target);
  if (head->method != HTTP_OPTIONS) return REFUSE_TARGET;
  head->path_slice = head->target_slice;
  return REFUSE_NOTHING;
}
