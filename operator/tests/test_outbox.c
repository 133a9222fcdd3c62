#include "message/outbox.h"

#include "base/clock.h"
#include "codec/yaml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define RECEIVERS                                                               \
  "{notifications: [{name: a, type: slack, secretRef: {name: mail, key: k}}, {" \
  "name: b, type: webhook, secretRef: {name: mail, key: l}}]}"
#define NOW "2026-11-23T12:00:00Z"

static cJSON *parse(const char *yaml) {
  cJSON *tree = NULL;
  struct error error = {0};
  cr_assert_eq(yaml_parse(yaml, strlen(yaml), &tree, &error), 0, "%s: %s", yaml, error.message);
  return tree;
}

static struct arena *arena;
static struct stack *stack;
static struct plan plan;
static struct observation o;

static void begin(const char *outbox, const struct delivery *delivery) {
  struct buffer text;
  struct error error = {0};
  buffer_init(&text, 1 << 20);
  buffer_printf(&text,
                "{metadata: {namespace: demo, name: shop, uid: u-1, resourceVersion: '1', generation: 1}, spec: " RECEIVERS
                ", status: {outbox: %s}}",
                outbox);
  arena = arena_new(1 << 20);
  stack = stack_decode(parse(buffer_text(&text)), &error);
  buffer_done(&text);
  cr_assert(stack, "%s", error.message);
  plan = (struct plan){.arena = arena};
  o = (struct observation){.stack = stack, .delivery = delivery};
  cr_assert_eq(parse_rfc3339(NOW, &o.now_ms), 0);
}

static void end(void) {
  plan_done(&plan);
  stack_free(stack);
  arena_free(arena);
}

/* "m1 m2@2 2026-…": ids, the attempts of those that were tried and when they are tried again. */
static void list(const cJSON *outbox, char to[512]) {
  const cJSON *entry;
  size_t n = 0;
  *to = 0;
  cJSON_ArrayForEach(entry, outbox) {
    int64_t attempts = json_int(entry, "attempts", 0);
    n += (size_t)snprintf(to + n, 512 - n, "%s%s", n ? " " : "", json_string(entry, "id", "?"));
    if (attempts) n += (size_t)snprintf(to + n, 512 - n, "@%d/%s", (int)attempts, json_string(entry, "nextAttemptAt", "?"));
  }
}

#define M(id, to)       "{id: " id ", receiver: " to ", event: ReleaseFailed, at: '2026-11-23T11:59:00Z'}"
#define M_LATER(id, to) "{id: " id ", receiver: " to ", event: ReleaseFailed, attempts: 1, nextAttemptAt: '2026-11-23T12:00:07Z'}"
#define M_DUE(id, to)   "{id: " id ", receiver: " to ", event: ReleaseFailed, attempts: 4, nextAttemptAt: '" NOW "'}"
#define M_OLD(id, to)   "{id: " id ", receiver: " to ", event: ReleaseFailed, at: '2026-11-22T12:00:00Z'}"

static const struct row {
  const char *outbox;
  struct delivery delivery;
  const char *left, *sent; /* afterwards */
  const char *mail;        /* reason of the event, or "" */
  int64_t look_again_ms;
} rows[] = {
    {"[]", {0}, "", "", "", 0},
    {"[" M("m1", "a") "]", {0}, "m1", "m1", "", 0},
    {"[" M("m1", "a") ", " M("m2", "a") ", " M("m3", "b") "]", {0}, "m1 m2 m3", "m1", "", 0},
    {"[" M("m1", "a") "]", {.state = DELIVERY_UNDER_WAY, .id = "m1"}, "m1", "", "", 0},
    {"[" M("m1", "a") ", " M("m2", "a") "]", {.state = DELIVERY_TAKEN, .id = "m1", .attempt = 1}, "m2", "", "", 0},
    {"[" M("m1", "a") "]",
     {.state = DELIVERY_REFUSED, .id = "m1", .attempt = 1, .words = "it answered with status 410"},
     "",
     "",
     "MessageDropped",
     0},
    {"[" M("m1", "a") "]",
     {.state = DELIVERY_FAILED, .id = "m1", .attempt = 1, .words = "no answer in time"},
     "m1@1/2026-11-23T12:00:05Z",
     "",
     "MessageDelayed",
     0},
    {"[" M_DUE("m1", "a") "]", {.state = DELIVERY_FAILED, .id = "m1", .attempt = 5, .words = "x"}, "m1@5/2026-11-23T12:01:20Z", "", "", 0},
    {"[" M_DUE("m1", "a") "]",
     {.state = DELIVERY_FAILED, .id = "m1", .attempt = 40, .words = "x"},
     "m1@40/2026-11-23T12:30:00Z",
     "",
     "",
     0},
    {"[" M("m1", "a") "]",
     {.state = DELIVERY_FAILED, .id = "m1", .attempt = 1, .retry_after_ms = 60000, .words = "x"},
     "m1@1/2026-11-23T12:01:00Z",
     "",
     "MessageDelayed",
     0},
    {"[" M("m1", "a") "]",
     {.state = DELIVERY_FAILED, .id = "m1", .attempt = 1, .retry_after_ms = INT64_C(86400000), .words = "x"},
     "m1@1/2026-11-23T12:30:00Z",
     "",
     "MessageDelayed",
     0},
    /* an outcome that the status knows already */
    {"[" M_LATER("m1", "a") "]",
     {.state = DELIVERY_FAILED, .id = "m1", .attempt = 1, .words = "x"},
     "m1@1/2026-11-23T12:00:07Z",
     "",
     "",
     0},
    /* a receiver that waits holds no other up, and is sent nothing out of order */
    {"[" M_LATER("m1", "a") ", " M("m2", "a") "]", {0}, "m1@1/2026-11-23T12:00:07Z m2", "", "", 7000},
    {"[" M_LATER("m1", "a") ", " M("m2", "b") "]", {0}, "m1@1/2026-11-23T12:00:07Z m2", "m2", "", 7000},
    {"[" M_DUE("m1", "a") "]", {0}, "m1@4/" NOW, "m1", "", 0},
    {"[" M_OLD("m1", "a") ", " M("m2", "a") "]", {0}, "m2", "m2", "MessageDropped", 0},
    {"[" M("m1", "gone") ", " M("m2", "b") "]", {0}, "m2", "m2", "", 0},
    /* somebody wrote into the status what is no outbox */
    {"[{id: m1, receiver: a, event: x, at: never, nextAttemptAt: soon}]", {0}, "m1", "m1", "", 0},
    {"[{}, 7, x]", {0}, "", "", "", 0},
    {"{}", {0}, "", "", "", 0},
};

Test(outbox, each_round_leaves_it_as_it_should_be) {
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    char left[512];
    begin(rows[i].outbox, &rows[i].delivery);
    cJSON *outbox = outbox_plan(&o, NULL, &plan);
    list(outbox, left);
    cr_assert_str_eq(left, rows[i].left, "%s leaves %s", rows[i].outbox, left);
    cr_assert_str_eq(plan.deliver ? plan.deliver : "", rows[i].sent, "%s", rows[i].outbox);
    cr_assert_str_eq(plan.mail.reason ? plan.mail.reason : "", rows[i].mail, "%s", rows[i].outbox);
    cr_assert_eq(plan.look_again_ms, rows[i].look_again_ms, "%s", rows[i].outbox);
    cJSON_Delete(outbox);
    end();
  }
}

Test(outbox, what_is_new_stands_there_before_it_is_sent) {
  char left[512];
  begin("[]", NULL);
  cJSON *outbox = outbox_plan(&o, parse("[" M("m1", "a") "]"), &plan);
  list(outbox, left);
  cr_assert_str_eq(left, "m1");
  cr_assert_null(plan.deliver);
  cJSON_Delete(outbox);
  end();
}

Test(outbox, the_oldest_give_way_and_that_is_told) {
  char left[512];
  struct buffer full;
  buffer_init(&full, 1 << 16);
  buffer_puts(&full, "[");
  for (int i = 0; i < OUTBOX_MAX; i++) buffer_printf(&full, "{id: m%d, receiver: a, event: ReleaseFailed},", i);
  buffer_puts(&full, "]");
  begin(buffer_text(&full), NULL);
  buffer_done(&full);
  cJSON *outbox = outbox_plan(&o, parse("[" M("n1", "a") ", " M("n2", "b") "]"), &plan);
  list(outbox, left);
  cr_assert_str_eq(left, "m2 m3 m4 m5 m6 m7 m8 m9 m10 m11 m12 m13 m14 m15 n1 n2");
  cr_assert_str_eq(plan.mail.reason, "MessageDropped");
  cr_assert(strstr(plan.mail.note, "the outbox is full"), "%s", plan.mail.note);
  cJSON_Delete(outbox);
  end();
}

Test(outbox, an_outcome_is_known_once_it_stands_there) {
  static const struct {
    const char *outbox;
    bool known;
  } cases[] = {{"[]", true}, {"[" M("m2", "a") "]", true}, {"[" M("m1", "a") "]", false}, {"[" M_LATER("m1", "a") "]", true}};
  const struct delivery failed = {.state = DELIVERY_FAILED, .id = "m1", .attempt = 1};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    cJSON *outbox = parse(cases[i].outbox);
    cr_assert_eq(outbox_knows(outbox, &failed), cases[i].known, "%s", cases[i].outbox);
    cJSON_Delete(outbox);
  }
  cr_assert(outbox_knows(NULL, &failed));
}
