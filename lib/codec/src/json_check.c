/* The grammar of RFC 8259 as a recursive descent whose depth the limits bound. What cJSON would misread is refused here, and nowhere else. */
#include "codec/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  HARD_DEPTH = 512,  /* below cJSON's own CJSON_NESTING_LIMIT of 1000, whatever the limits say */
  UNIQUE_KEYS = 256, /* that no_duplicate_keys can hold in mind */
  NUMBER_BYTES = 63, /* cJSON 1.7.15 cuts longer ones */
};

const struct json_limits json_limits_cluster = {.max_bytes = 64 << 20, .max_depth = 128, .cut_at_nul = true};
const struct json_limits json_limits_request = {
    .max_bytes = 256 << 10, .max_depth = 32, .max_keys = 256, .no_duplicate_keys = true, .exact_integers = true};

struct check {
  const char *start, *at, *end;
  const struct json_limits *limits;
  unsigned depth;
  struct error *error;
};

struct key {
  uint32_t hash; /* over the bytes that the escapes stand for */
  const char *text, *end;
};

struct keys {
  size_t count;
  struct key seen[UNIQUE_KEYS];
};

static int check_value(struct check *c);

static int refuse_at(const struct check *c, const char *at, const char *what) {
  return error_set(c->error, ERROR_INVALID, "JSON is wrong at byte %zu: %s", (size_t)(at - c->start), what);
}

static int refuse(const struct check *c, const char *what) { return refuse_at(c, c->at, what); }

static char peek(const struct check *c) { return c->at < c->end ? *c->at : 0; }

static bool skip(struct check *c, char wanted) {
  if (c->at == c->end || *c->at != wanted) return false;
  c->at++;
  return true;
}

static void skip_space(struct check *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t')) c->at++;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The four digits behind \u, or -1. */
static int32_t hex4(const char *at, const char *end) {
  int32_t value = 0;
  if (end - at < 4) return -1;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(at[i]);
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

static int check_unicode_escape(struct check *c) {
  int32_t unit = hex4(c->at, c->end);
  if (unit < 0) return refuse(c, "expected four hexadecimal digits after \\u");
  if (!unit && !c->limits->cut_at_nul) return refuse(c, "\\u0000 is not taken");
  if (unit >= 0xDC00 && unit <= 0xDFFF) return refuse(c, "the second half of a surrogate pair stands alone");
  c->at += 4;
  if (unit < 0xD800 || unit > 0xDBFF) return 0;
  int32_t low = c->end - c->at >= 2 && c->at[0] == '\\' && c->at[1] == 'u' ? hex4(c->at + 2, c->end) : -1;
  if (low < 0xDC00 || low > 0xDFFF) return refuse(c, "the first half of a surrogate pair stands alone");
  c->at += 6;
  return 0;
}

static int check_escape(struct check *c) {
  c->at++;
  switch (peek(c)) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': c->at++; return 0;
    case 'u': c->at++; return check_unicode_escape(c);
    default: return refuse(c, "expected one of \"\\/bfnrtu after a backslash");
  }
}

/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
static int check_multibyte(struct check *c) {
  static const struct {
    unsigned char first, last, second_min, second_max;
    int length;
  } forms[] = {{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3},
               {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
  const unsigned char *s = (const unsigned char *)c->at;
  for (size_t i = 0; i < ELEMENTS(forms); i++) {
    if (*s < forms[i].first || *s > forms[i].last) continue;
    if (c->end - c->at < forms[i].length || s[1] < forms[i].second_min || s[1] > forms[i].second_max) break;
    for (int k = 2; k < forms[i].length; k++)
      if ((s[k] & 0xC0) != 0x80) return refuse(c, "a byte that is not UTF-8");
    c->at += forms[i].length;
    return 0;
  }
  return refuse(c, "a byte that is not UTF-8");
}

static int check_string(struct check *c) {
  const char *opening = c->at++;
  while (c->at < c->end) {
    unsigned char byte = (unsigned char)*c->at;
    if (byte == '"') return c->at++, 0;
    int rc = 0;
    if (byte < 0x20)
      rc = refuse(c, "a control byte in a string, expected an escape");
    else if (byte == '\\')
      rc = check_escape(c);
    else if (byte >= 0x80)
      rc = check_multibyte(c);
    else
      c->at++;
    if (rc < 0) return -1;
  }
  return refuse_at(c, opening, "the string does not end");
}

static size_t skip_digits(struct check *c) {
  const char *first = c->at;
  while (c->at < c->end && *c->at >= '0' && *c->at <= '9') c->at++;
  return (size_t)(c->at - first);
}

static bool is_exact(const char *digits, size_t n) {
  uint64_t value = 0;
  if (n > 16) return false;
  for (size_t i = 0; i < n; i++) value = value * 10 + (uint64_t)(digits[i] - '0');
  return value <= JSON_INT_MAX;
}

static bool is_finite(const char *text, size_t n) {
  char copy[NUMBER_BYTES + 1] = "";
  memcpy(copy, text, n);
  return isfinite(strtod(copy, NULL));
}

static int check_number(struct check *c) {
  const char *first = c->at;
  (void)skip(c, '-');
  const char *digits = c->at;
  size_t n = skip_digits(c);
  bool whole = true;
  if (!n) return refuse(c, "expected a digit");
  if (n > 1 && *digits == '0') return refuse_at(c, digits, "a number with a leading zero");
  if (skip(c, '.')) {
    whole = false;
    if (!skip_digits(c)) return refuse(c, "expected a digit after the decimal point");
  }
  if (skip(c, 'e') || skip(c, 'E')) {
    whole = false;
    if (!skip(c, '+')) (void)skip(c, '-');
    if (!skip_digits(c)) return refuse(c, "expected a digit in the exponent");
  }
  size_t length = (size_t)(c->at - first);
  if (length > NUMBER_BYTES) return refuse_at(c, first, "a number of more than 63 characters");
  if (whole && c->limits->exact_integers && !is_exact(digits, n)) return refuse_at(c, first, "an integer beyond 9007199254740991");
  if (!whole && !is_finite(first, length)) return refuse_at(c, first, "a number too large");
  return 0;
}

static int check_word(struct check *c, const char *word) {
  size_t n = strlen(word);
  if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return refuse(c, "expected a value");
  c->at += n;
  return 0;
}

/* One code unit of a checked string: of an escape what it stands for, else the byte itself. Escapes of non-ASCII characters are made the
 * bytes that they would be, one each call, so that "é" and "\u00e9" are the same key. */
struct units {
  const char *at, *end;
  unsigned char pending[4];
  unsigned waiting, next;
};

static void put_utf8(struct units *u, uint32_t code) {
  unsigned n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (unsigned i = n - 1; i; i--, code >>= 6) u->pending[i] = (unsigned char)(0x80 | (code & 0x3F));
  u->pending[0] = (unsigned char)(lead[n] | code);
  u->waiting = n;
  u->next = 0;
}

static int next_unit(struct units *u) {
  static const char escapes[] = "bfnrt", meanings[] = "\b\f\n\r\t";
  if (u->next < u->waiting) return u->pending[u->next++];
  if (u->at == u->end) return -1;
  if (*u->at != '\\') return (unsigned char)*u->at++;
  char kind = u->at[1];
  u->at += 2;
  if (kind != 'u') {
    const char *found = strchr(escapes, kind);
    return found ? meanings[found - escapes] : kind;
  }
  uint32_t code = (uint32_t)hex4(u->at, u->end);
  u->at += 4;
  if (code >= 0xD800 && code <= 0xDBFF) {
    code = 0x10000 + ((code - 0xD800) << 10) + (uint32_t)hex4(u->at + 2, u->end) - 0xDC00;
    u->at += 6;
  }
  put_utf8(u, code);
  return u->pending[u->next++];
}

static uint32_t hash_key(const char *text, const char *end) {
  struct units u = {.at = text, .end = end};
  uint32_t hash = 2166136261u;
  for (int unit; (unit = next_unit(&u)) >= 0;) hash = (hash ^ (uint32_t)unit) * 16777619u;
  return hash;
}

static bool same_key(const struct key *a, const struct key *b) {
  struct units ua = {.at = a->text, .end = a->end}, ub = {.at = b->text, .end = b->end};
  for (;;) {
    int unit = next_unit(&ua);
    if (unit != next_unit(&ub)) return false;
    if (unit < 0) return true;
  }
}

/* TEXT … END is the key between its quotes. */
static int note_key(struct check *c, struct keys *keys, const char *text, const char *end) {
  struct key key = {.hash = hash_key(text, end), .text = text, .end = end};
  if (keys->count == UNIQUE_KEYS) return refuse_at(c, text - 1, "an object with too many keys");
  for (size_t i = 0; i < keys->count; i++)
    if (keys->seen[i].hash == key.hash && same_key(&keys->seen[i], &key))
      return refuse_at(c, text - 1, "a key that the object already has");
  keys->seen[keys->count++] = key;
  return 0;
}

static int check_member(struct check *c, struct keys *keys) {
  skip_space(c);
  const char *opening = c->at;
  if (peek(c) != '"') return refuse(c, "expected a key in quotes");
  if (check_string(c) < 0) return -1;
  if (keys && note_key(c, keys, opening + 1, c->at - 1) < 0) return -1;
  skip_space(c);
  if (!skip(c, ':')) return refuse(c, "expected a colon");
  return check_value(c);
}

static int check_members(struct check *c, struct keys *keys) {
  c->at++;
  skip_space(c);
  if (skip(c, '}')) return 0;
  for (unsigned count = 1;; count++) {
    if (c->limits->max_keys && count > c->limits->max_keys) return refuse(c, "an object with too many keys");
    if (check_member(c, keys) < 0) return -1;
    if (skip(c, '}')) return 0;
    if (!skip(c, ',')) return refuse(c, "expected a comma or }");
  }
}

/* Apart, so that only those who ask for it pay for its stack at every depth. */
__attribute__((noinline)) static int check_unique_members(struct check *c) {
  struct keys keys;
  keys.count = 0;
  return check_members(c, &keys);
}

static int check_items(struct check *c) {
  c->at++;
  skip_space(c);
  if (skip(c, ']')) return 0;
  for (;;) {
    if (check_value(c) < 0) return -1;
    if (skip(c, ']')) return 0;
    if (!skip(c, ',')) return refuse(c, "expected a comma or ]");
  }
}

static int check_nested(struct check *c) {
  if (c->depth == c->limits->max_depth || c->depth == HARD_DEPTH) return refuse(c, "arrays and objects too deep in each other");
  c->depth++;
  int rc = *c->at == '[' ? check_items(c) : c->limits->no_duplicate_keys ? check_unique_members(c) : check_members(c, NULL);
  c->depth--;
  return rc;
}

/* A value and the white space on both sides of it. */
static int check_value(struct check *c) {
  int rc;
  skip_space(c);
  switch (peek(c)) {
    case '{':
    case '[': rc = check_nested(c); break;
    case '"': rc = check_string(c); break;
    case 't': rc = check_word(c, "true"); break;
    case 'f': rc = check_word(c, "false"); break;
    case 'n': rc = check_word(c, "null"); break;
    case '-':
    case '0' ... '9': rc = check_number(c); break;
    default: return refuse(c, "expected a value");
  }
  skip_space(c);
  return rc;
}

int json_check(const char *text, size_t n, const struct json_limits *limits, struct error *error) {
  if (n > limits->max_bytes) return error_set(error, ERROR_INVALID, "JSON has %zu bytes, expected at most %zu", n, limits->max_bytes);
  struct check c = {.start = text, .at = text, .end = text + n, .limits = limits, .error = error};
  if (check_value(&c) < 0) return -1;
  return c.at == c.end ? 0 : refuse(&c, "expected the end");
}
