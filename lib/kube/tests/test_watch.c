#include "kube/watch.h"

#include "script.h"

static const struct kube_resource pods = {"", "v1", "pods", "Pod", true};

/* What a watch has delivered, as text: "[" begins a list, "]" ends it, names are items, +, ~, - are events. */
struct told {
  struct script *script;
  struct watch *watch;
  char text[512];
};

static void tell(struct told *told, const char *mark, const cJSON *object) {
  size_t n = strlen(told->text);
  (void)snprintf(told->text + n, sizeof told->text - n, "%s%s ", mark, object ? json_string(object, "metadata.name", "?") : "");
}

static void on_begin(void *owner) { tell(owner, "[", NULL); }
static void on_item(void *owner, const cJSON *object) { tell(owner, "", object); }
static void on_end(void *owner) { tell(owner, "]", NULL); }
static void on_event(void *owner, enum watch_change change, const cJSON *object) {
  static const char *const marks[] = {"+", "~", "-"};
  tell(owner, marks[change], object);
}

static const struct watch_sink sink = {on_begin, on_item, on_end, on_event};

static struct told *start(const struct step *steps, struct watch_options options) {
  struct error error = {0};
  struct told *told = calloc(1, sizeof *told);
  cr_assert_not_null(told);
  told->script = script_new(steps, 0);
  options.resource = &pods;
  options.sink = &sink;
  options.owner = told;
  told->watch = watch_new(told->script->client, &options, &error);
  cr_assert_not_null(told->watch, "%s", error.message);
  return told;
}

static void stop(struct told *told) {
  watch_free(told->watch);
  script_free(told->script);
  free(told);
}

#define OBJECT(name, version)      "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}"
#define EVENT(type, name, version) "{\"type\":\"" type "\",\"object\":" OBJECT(name, version) "}\n"
#define LIST(version, next, items) \
  "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"" version "\",\"continue\":\"" next "\"},\"items\":[" items "]}"
#define GONE                 "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}}\n"
#define HAS(world, expected) cr_expect_str_eq((world)->text, expected)

struct wanted {
  const struct told *told;
  const char *text;
};
static bool is_told(void *owner) {
  const struct wanted *wanted = owner;
  return !strcmp(wanted->told->text, wanted->text);
}
static void wait_told(struct told *told, const char *text) {
  struct wanted wanted = {told, text};
  wait_until(told->script->loop, 10000, is_told, &wanted, text);
}

Test(watch, pages_then_events_then_the_next_stream) {
  static const struct step steps[] = {{"GET /api/v1/namespaces/shop/pods?labelSelector=a%3Db&limit=2", "continue", 200, NULL,
                                       LIST("5", "p2", OBJECT("a", "1") "," OBJECT("b", "2")), ANSWER},
                                      {"limit=2&continue=p2", NULL, 200, NULL, LIST("5", "", OBJECT("c", "3")), ANSWER},
                                      {"watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=", "limit", 200, NULL,
                                       EVENT("ADDED", "d", "6") EVENT("MODIFIED", "a", "7") EVENT("BOOKMARK", "", "9"), STREAM},
                                      {"resourceVersion=10", NULL, 200, NULL, "", STREAM},
                                      {0}};
  struct told *told = start(steps, (struct watch_options){.namespace = "shop", .labels = "a=b", .page_size = 2});
  cr_expect_eq(watch_state(told->watch), WATCH_EMPTY);
  cr_expect_eq(watch_age_ms(told->watch), -1);
  wait_told(told, "[ a b c ] +d ~a ");
  cr_expect(watch_synced(told->watch));
  cr_expect_eq(watch_state(told->watch), WATCH_WATCHING);
  run_for(told->script->loop, 1100); /* one that ends sooner counts as broken */
  static const char last[] = EVENT("DELETED", "b", "10");
  http_server_piece(told->script->stream, last, 30);
  http_server_piece(told->script->stream, last + 30, strlen(last) - 30);
  http_server_end(told->script->stream);
  script_play(told->script);
  HAS(told, "[ a b c ] +d ~a -b ");
  const struct watch_counts *counts = watch_counts(told->watch);
  cr_expect(counts->lists == 1 && counts->streams == 2 && counts->events == 3 && counts->bookmarks == 1 && counts->failures == 0);
  stop(told);
}

Test(watch, metadata_alone_asks_for_it) {
  static const struct step steps[] = {{NULL, NULL, 200, NULL, LIST("5", "", ""), ANSWER}, {0}};
  struct told *told = start(steps, (struct watch_options){.metadata_only = true});
  script_play(told->script);
  cr_expect(strstr(told->script->last_head, "Accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1\r\n"));
  stop(told);
}

/* What may happen between the API server and us, and what the watch makes of it in the end. */
static const struct {
  const char *name;
  struct step steps[8];
  const char *told;
  uint64_t expired, failures, undecodable;
} faults[] = {
    {"a page that expired begins the list anew",
     {{"limit", "continue", 200, NULL, LIST("5", "p2", OBJECT("a", "1")), ANSWER},
      {"continue=p2", NULL, 410, NULL, "{\"reason\":\"Expired\",\"message\":\"too old\"}", ANSWER},
      {"limit", "continue", 200, NULL, LIST("8", "", OBJECT("b", "2")), ANSWER},
      {"resourceVersion=8", NULL, 200, NULL, "", STREAM}},
     "[ a [ b ] ",
     1,
     1,
     0},
    {"a stream that says 410 leads to a list",
     {{"limit", NULL, 200, NULL, LIST("5", "", OBJECT("a", "1")), ANSWER},
      {"resourceVersion=5", NULL, 200, NULL, EVENT("ADDED", "b", "6") GONE EVENT("ADDED", "never", "7"), STREAM},
      {"limit", "resourceVersion", 200, NULL, LIST("8", "", OBJECT("b", "6")), ANSWER},
      {"resourceVersion=8", NULL, 200, NULL, "", STREAM}},
     "[ a ] +b [ b ] ",
     1,
     1,
     0},
    {"so does an answer 410",
     {{"limit", NULL, 200, NULL, LIST("5", "", ""), ANSWER},
      {"resourceVersion=5", NULL, 410, NULL, "{\"reason\":\"Expired\",\"message\":\"too old\"}", ANSWER},
      {"limit", NULL, 200, NULL, LIST("8", "", ""), ANSWER},
      {"resourceVersion=8", NULL, 200, NULL, "", STREAM}},
     "[ ] [ ] ",
     1,
     1,
     0},
    {"a stream cut within a value goes on from the last whole event",
     {{"limit", NULL, 200, NULL, LIST("5", "", ""), ANSWER},
      {"resourceVersion=5", NULL, 200, NULL, EVENT("ADDED", "b", "6") "{\"type\":\"ADDED\",\"object\":{\"meta", STREAM_AND_CUT},
      {"resourceVersion=6", NULL, 200, NULL, EVENT("ADDED", "c", "7"), STREAM}},
     "[ ] +b +c ",
     0,
     1,
     0},
    {"a list cut within an item is begun anew",
     {{"limit", NULL, 200, NULL, "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" OBJECT("a", "1") ",{\"meta", STREAM_AND_CUT},
      {"limit", NULL, 200, NULL, LIST("6", "", OBJECT("a", "1")), ANSWER},
      {"resourceVersion=6", NULL, 200, NULL, "", STREAM}},
     "[ a [ a ] ",
     0,
     1,
     0},
    {"garbage is counted and passed",
     {{"limit", NULL, 200, NULL, LIST("5", "", ""), ANSWER},
      {"resourceVersion=5", NULL, 200, NULL, "<html>\n", STREAM},
      {"resourceVersion=5", NULL, 200, NULL, EVENT("ADDED", "c", "7"), STREAM}},
     "[ ] +c ",
     0,
     1,
     1},
    {"a list that is no JSON is asked for again",
     {{"limit", NULL, 200, NULL, "<html>", ANSWER},
      {"limit", NULL, 200, NULL, LIST("5", "", ""), ANSWER},
      {"resourceVersion=5", NULL, 200, NULL, "", STREAM}},
     "[ [ ] ",
     0,
     1,
     0},
    {"500 is waited out, and a reused connection that was closed costs nothing",
     {{"limit", NULL, 500, NULL, "{}", ANSWER},
      {.how = CUT},
      {"limit", NULL, 200, NULL, LIST("5", "", ""), ANSWER},
      {"resourceVersion=5", NULL, 200, NULL, "", STREAM}},
     "[ [ ] ",
     0,
     1,
     0},
    {"a stream that ends at once is not opened in a circle",
     {{"limit", NULL, 200, NULL, LIST("5", "", ""), ANSWER},
      {"resourceVersion=5", NULL, 200, NULL, "", STREAM_AND_END},
      {"resourceVersion=5", NULL, 200, NULL, EVENT("ADDED", "c", "7"), STREAM}},
     "[ ] +c ",
     0,
     1,
     0},
    {"events of kinds to come are passed over",
     {{"limit", NULL, 200, NULL, LIST("5", "", ""), ANSWER},
      {"resourceVersion=5", NULL, 200, NULL, EVENT("PAINTED", "b", "6") EVENT("ADDED", "c", "7"), STREAM}},
     "[ ] +c ",
     0,
     0,
     0},
};

Test(watch, faults_end_in_the_right_set) {
  for (size_t i = 0; i < ELEMENTS(faults); i++) {
    struct told *told = start(faults[i].steps, (struct watch_options){0});
    script_play(told->script);
    wait_told(told, faults[i].told);
    const struct watch_counts *counts = watch_counts(told->watch);
    cr_expect_eq(counts->expired, faults[i].expired, "%s", faults[i].name);
    cr_expect_eq(counts->failures, faults[i].failures, "%s", faults[i].name);
    cr_expect_eq(counts->undecodable, faults[i].undecodable, "%s", faults[i].name);
    cr_expect_eq(watch_state(told->watch), WATCH_WATCHING, "%s", faults[i].name);
    stop(told);
  }
}

static bool has_failed(void *owner) { return watch_counts(((struct told *)owner)->watch)->failures > 0; }

Test(watch, an_object_over_the_bound_breaks_it) {
  static const struct step steps[] = {
      {"limit", NULL, 200, NULL, LIST("5", "", OBJECT("with-a-long-name-that-is-over-the-bound-of-this-watch", "1")), ANSWER}, {0}};
  struct told *told = start(steps, (struct watch_options){.max_object_bytes = 64});
  script_play(told->script);
  wait_until(told->script->loop, 5000, has_failed, told, "it is noticed");
  cr_expect_eq(watch_state(told->watch), WATCH_EMPTY);
  cr_expect(strstr(watch_last_error(told->watch)->message, "more than 64 bytes"), "%s", watch_last_error(told->watch)->message);
  stop(told);
}

Test(watch, silence_is_noticed) {
  static const struct step steps[] = {{"limit", NULL, 200, NULL, LIST("5", "", ""), ANSWER},
                                      {"resourceVersion=5", NULL, 200, NULL, EVENT("BOOKMARK", "", "8"), STREAM},
                                      {"resourceVersion=8", NULL, 200, NULL, EVENT("ADDED", "a", "9"), STREAM},
                                      {0}};
  struct told *told = start(steps, (struct watch_options){.silence_ms = 1500});
  wait_told(told, "[ ] +a ");
  cr_expect_eq(watch_counts(told->watch)->silences, 1);
  cr_expect_eq(http_server_connections(told->script->server), 1, "the silent one was closed");
  stop(told);
}

Test(watch, freed_in_any_state_it_is_silent) {
  static const struct step steps[] = {
      {"limit", NULL, 200, NULL, LIST("5", "", ""), ANSWER}, {"resourceVersion=5", NULL, 200, NULL, EVENT("ADDED", "a", "9"), STREAM}, {0}};
  for (int turns = 0; turns < 12; turns++) {
    struct told *told = start(steps, (struct watch_options){0});
    for (int i = 0; i < turns; i++) cr_assert_eq(loop_turn(told->script->loop, 20, NULL), 0);
    watch_free(told->watch);
    told->watch = NULL;
    size_t before = strlen(told->text);
    run_for(told->script->loop, 20);
    cr_expect_eq(strlen(told->text), before);
    stop(told);
  }
}
