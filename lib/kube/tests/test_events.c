#include "kube/events.h"

#include "script.h"

static const struct kube_resource pods = {"", "v1", "pods", "Pod", true};
static const struct kube_resource nodes = {"", "v1", "nodes", "Node", false};
static const struct event_recorder_options by = {"example.com/tester", "pod-1"};

static bool none_in_flight(void *owner) { return events_in_flight(owner) == 0; }

#define PATH "/apis/events.k8s.io/v1/namespaces/"

Test(events, what_is_written) {
  static const struct step steps[] = {
      {"POST " PATH "shop/events", NULL, 201, NULL, "{}", ANSWER}, {"POST " PATH "default/events", NULL, 201, NULL, "{}", ANSWER}, {0}};
  struct script *script = script_new(steps, 0);
  struct event_recorder *recorder = events_new(script->client, &by, NULL);
  cr_assert_not_null(recorder);
  events_record(recorder, &(struct event_subject){.resource = &pods, .namespace = "shop", .name = "web", .uid = "u1"}, EVENT_WARNING, "Why",
                "What", "it is \"%s\"", "so");
  wait_until(script->loop, 5000, none_in_flight, recorder, "it is written");
  static const char *const parts[] = {
      "\"kind\":\"Event\"",
      "\"namespace\":\"shop\"",
      "\"type\":\"Warning\"",
      "\"reason\":\"Why\"",
      "\"action\":\"What\"",
      "\"note\":\"it is \\\"so\\\"\"",
      "\"reportingController\":\"example.com/tester\"",
      "\"regarding\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"namespace\":\"shop\",\"name\":\"web\",\"uid\":\"u1\"}"};
  for (size_t i = 0; i < ELEMENTS(parts); i++)
    cr_expect(strstr(script->last_body, parts[i]), "%s is not in %s", parts[i], script->last_body);
  events_record(recorder, &(struct event_subject){.resource = &nodes, .name = "n1"}, EVENT_NORMAL, "Why", "What",
                "of a cluster-scoped object");
  wait_until(script->loop, 5000, none_in_flight, recorder, "it is written");
  cr_expect_eq(events_counts(recorder)->created, 2);
  events_free(recorder);
  script_free(script);
}

/* Notes of two- and three-byte characters around the bound are cut between characters. */
Test(events, a_long_note_is_cut_at_a_character) {
  for (int padding = 0; padding < 4; padding++) {
    static const struct step steps[] = {{NULL, NULL, 201, NULL, "{}", ANSWER}, {0}};
    struct script *script = script_new(steps, 0);
    struct event_recorder *recorder = events_new(script->client, &by, NULL);
    char note[4096] = "", *found;
    for (int i = 0; i < padding; i++) strcat(note, "x");
    for (int i = 0; i < 600; i++) strcat(note, i % 2 ? "é" : "€");
    events_record(recorder, &(struct event_subject){.resource = &pods, .namespace = "s", .name = "n"}, EVENT_NORMAL, "Why", "What", "%s",
                  note);
    wait_until(script->loop, 5000, none_in_flight, recorder, "it is written");
    found = strstr(script->last_body, "\"note\":\"");
    cr_assert_not_null(found);
    found += strlen("\"note\":\"");
    size_t n = strcspn(found, "\"");
    cr_expect(n <= 1000 && n > 996, "%zu bytes", n);
    cr_expect_eq(strncmp(found, note, n), 0, "nothing was replaced: no character was cut in two");
    events_free(recorder);
    script_free(script);
  }
}

Test(events, failures_are_counted_and_freeing_is_silent) {
  static const struct step steps[] = {{NULL, NULL, 500, NULL, "{}", ANSWER}, {0}};
  struct script *script = script_new(steps, 0);
  struct event_recorder *recorder = events_new(script->client, &by, NULL);
  struct event_subject subject = {.resource = &pods, .namespace = "s", .name = "n"};
  events_record(recorder, &subject, EVENT_NORMAL, "Why", "What", "one");
  wait_until(script->loop, 5000, none_in_flight, recorder, "it has failed");
  cr_expect_eq(events_counts(recorder)->failed, 1);
  events_record(recorder, &subject, EVENT_NORMAL, "Why", "What", "two");
  cr_expect_eq(events_in_flight(recorder), 1);
  events_free(recorder);
  cr_expect_eq(kube_client_in_flight(script->client), 0);
  script_free(script);
}
