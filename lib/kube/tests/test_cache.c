#include "kube/cache.h"

#include "script.h"

static const struct kube_resource pods = {"", "v1", "pods", "Pod", true};

static void *project(const cJSON *object, struct error *error) {
  const char *colour = json_string(object, "metadata.labels.colour", "");
  if (!strcmp(colour, "broken")) return (void)error_set(error, ERROR_INVALID, "this one cannot be read"), NULL;
  return *colour ? strdup(colour) : NULL;
}

static const char *index_of(const void *projection) { return projection; }
static const struct cache_kind colours = {project, free, index_of};

struct told {
  struct script *script;
  struct cache *cache;
  char text[1024];
  int synced;
};

/* "name:old>new" for each change; what is looked up within is the new set already. */
static void on_change(void *owner, const char *key, const void *old, const void *now) {
  struct told *told = owner;
  size_t n = strlen(told->text);
  (void)snprintf(told->text + n, sizeof told->text - n, "%s:%s>%s ", key, old ? (const char *)old : "", now ? (const char *)now : "");
  cr_expect_eq(cache_get(told->cache, key), now);
}

static void on_synced(void *owner) { ((struct told *)owner)->synced++; }

static void visit(void *owner, const char *key, const void *projection) {
  (void)projection;
  strcat(strcat(owner, key), " ");
}

#define OBJECT(name, version, colour)                                                                              \
  "{\"metadata\":{\"namespace\":\"s\",\"name\":\"" name "\",\"uid\":\"u-" name "\",\"resourceVersion\":\"" version \
  "\",\"labels\":{\"colour\":\"" colour "\"}}}"
#define EVENT(type, object)  "{\"type\":\"" type "\",\"object\":" object "}\n"
#define LIST(version, items) "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define GONE                 "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}}\n"

static struct told *start(const struct step *steps) {
  struct told *told = calloc(1, sizeof *told);
  cr_assert_not_null(told);
  told->script = script_new(steps, 0);
  told->cache = cache_new(
      told->script->client,
      &(struct cache_options){.resource = &pods, .kind = &colours, .on_change = on_change, .on_synced = on_synced, .owner = told}, NULL);
  cr_assert_not_null(told->cache);
  return told;
}

static void stop(struct told *told) {
  cache_free(told->cache);
  script_free(told->script);
  free(told);
}

struct wanted {
  const struct told *told;
  const char *text;
};
static bool is_told(void *owner) {
  const struct wanted *wanted = owner;
  return strstr(wanted->told->text, wanted->text);
}
static void wait_told(struct told *told, const char *text) {
  struct wanted wanted = {told, text};
  wait_until(told->script->loop, 10000, is_told, &wanted, text);
}

Test(cache, follows_and_indexes) {
  static const struct step steps[] = {
      {NULL, NULL, 200, NULL,
       LIST("5", OBJECT("a", "1", "red") "," OBJECT("b", "2", "red") "," OBJECT("plain", "3", "") "," OBJECT("bad", "4", "broken")),
       ANSWER},
      {NULL, NULL, 200, NULL,
       EVENT("ADDED", OBJECT("c", "6", "red")) EVENT("MODIFIED", OBJECT("b", "7", "blue")) EVENT("DELETED", OBJECT("a", "8", "red"))
           EVENT("MODIFIED", OBJECT("c", "9", "")) EVENT("DELETED", OBJECT("nobody", "10", "red")) EVENT("ADDED", OBJECT("d", "11", "red")),
       STREAM},
      {0}};
  struct told *told = start(steps);
  cr_expect(!cache_synced(told->cache) && cache_stale(told->cache));
  cr_expect_null(cache_get(told->cache, "s/a"));
  wait_told(told, "s/d:>red");
  const char *rest = strstr(told->text, "s/c:>red");
  cr_expect_not_null(rest);
  cr_expect_str_eq(rest, "s/c:>red s/b:red>blue s/a:red> s/c:red> s/d:>red ");
  cr_expect_eq(cache_count(told->cache), 2);
  cr_expect_eq(told->synced, 1);
  cr_expect(cache_synced(told->cache) && !cache_stale(told->cache));
  char found[256] = "";
  cache_each_indexed(told->cache, "red", visit, found);
  cr_expect_str_eq(found, "s/d ");
  found[0] = '\0';
  cache_each_indexed(told->cache, "blue", visit, found);
  cr_expect_str_eq(found, "s/b ");
  stop(told);
}

/* What vanished, came and changed unseen is found by the swap; what stayed the same is not told again. */
Test(cache, a_relist_swaps_and_tells_the_difference) {
  static const struct step steps[] = {
      {NULL, NULL, 200, NULL, LIST("5", OBJECT("same", "1", "red") "," OBJECT("changed", "2", "red") "," OBJECT("gone", "3", "red")),
       ANSWER},
      {NULL, NULL, 200, NULL, GONE, STREAM},
      {NULL, NULL, 200, NULL, LIST("9", OBJECT("same", "1", "red") "," OBJECT("changed", "7", "blue") "," OBJECT("new", "8", "red")),
       ANSWER},
      {NULL, NULL, 200, NULL, EVENT("MODIFIED", OBJECT("same", "10", "blue")), STREAM},
      {0}};
  struct told *told = start(steps);
  wait_told(told, "s/same:red>blue");
  cr_expect(strstr(told->text, "s/changed:red>blue ") && strstr(told->text, "s/gone:red> ") && strstr(told->text, "s/new:>red "), "%s",
            told->text);
  cr_expect_null(strstr(told->text, "s/same:red>red"));
  cr_expect_eq(cache_count(told->cache), 3);
  cr_expect_eq(told->synced, 1);
  cr_expect_null(cache_get(told->cache, "s/gone"));
  cr_expect_str_eq(cache_get(told->cache, "s/changed"), "blue");
  char found[256] = "";
  cache_each_indexed(told->cache, "red", visit, found);
  cr_expect_str_eq(found, "s/new ");
  stop(told);
}

static bool has_last(void *owner) { return cache_get(owner, "s/last"); }

/* An index with many of one kind, removed from either end and the middle, in a fixed scramble. */
Test(cache, an_index_survives_churn) {
  enum { COUNT = 64 };
  struct step steps[3] = {{NULL, NULL, 200, NULL, LIST("5", ""), ANSWER}, {NULL, NULL, 200, NULL, "", STREAM}, {0}};
  struct told *told = start(steps);
  script_play(told->script);
  struct buffer lines;
  buffer_init(&lines, 1 << 20);
  for (int i = 0; i < COUNT * 3; i++) {
    int number = (i * 37) % COUNT;
    const char *type = i < COUNT ? "ADDED" : i < 2 * COUNT ? "MODIFIED" : "DELETED";
    if (i >= 2 * COUNT && number % 4 == 0) continue;
    buffer_printf(&lines,
                  "{\"type\":\"%s\",\"object\":{\"metadata\":{\"namespace\":\"s\",\"name\":\"n%d\",\"resourceVersion\":\"%d\",\"labels\":{"
                  "\"colour\":\"%s\"}}}}\n",
                  type, number, i + 10, number % 2 ? "red" : "blue");
  }
  buffer_puts(&lines, EVENT("ADDED", OBJECT("last", "999", "green")));
  told->text[0] = '\0';
  for (size_t at = 0; at < lines.len; at += 100)
    http_server_piece(told->script->stream, lines.data + at, lines.len - at < 100 ? lines.len - at : 100);
  wait_until(told->script->loop, 10000, has_last, told->cache, "the last event is in");
  cr_expect_eq(cache_count(told->cache), COUNT / 4 + 1);
  char found[2048] = "";
  cache_each_indexed(told->cache, "red", visit, found);
  cr_expect_str_eq(found, "");
  int blue = 0;
  cache_each_indexed(told->cache, "blue", visit, found);
  for (const char *at = found; (at = strchr(at, ' ')); at++) blue++;
  cr_expect_eq(blue, COUNT / 4);
  buffer_done(&lines);
  stop(told);
}
