#include "message/envelope.h"

#include "codec/base64.h"
#include "codec/yaml.h"
#include "crypto/digest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define ENTRY                                                                                                                         \
  "{id: msg-0123456789, receiver: team, event: %s, at: '2026-11-23T12:00:00Z', revision: 3, subject: '[Supernova] A & B <!channel>'," \
  " text: \"Status: x\\n  - y > z\\n\"}"
#define HOOK    "https://hooks.slack.com/services/T0/B0/XX"
#define ROUTING "0123456789abcdef0123456789ABCDEF"
#define SIGNING "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" /* the key of the specification's example */
#define NOW_MS  INT64_C(1614265330000)                   /* and its time */

static cJSON *parse(const char *yaml) {
  cJSON *tree = NULL;
  struct error error = {0};
  cr_assert_eq(yaml_parse(yaml, strlen(yaml), &tree, &error), 0, "%s: %s", yaml, error.message);
  return tree;
}

static int make(const char *type, const char *event, const char *address, const char *signing, struct envelope *to, struct error *error) {
  char text[512];
  (void)snprintf(text, sizeof text, ENTRY, event);
  cJSON *entry = parse(text);
  const struct letter letter = {"demo", "shop", entry, type};
  const struct envelope_secret secret = {address, signing};
  int result = envelope_make(&letter, &secret, "https://events.pagerduty.com", NOW_MS, to, error);
  cJSON_Delete(entry);
  return result;
}

#define SLACK                                                                                                                         \
  "{\"text\":\"[Supernova] A &amp; B &lt;!channel&gt;\",\"blocks\":[{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":" \
  "\"[Supernova] A &amp; B &lt;!channel&gt;\"}},{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":"                        \
  "\"Status: x\\n  - y &gt; z\\n\"}}]}"

#define PAYLOAD(event)                                                                                                         \
  "\"payload\":{\"summary\":\"[Supernova] A & B <!channel>\",\"source\":\"demo/shop\",\"timestamp\":\"2026-11-23T12:00:00Z\"," \
  "\"custom_details\":{\"id\":\"msg-0123456789\",\"event\":\"" event "\",\"text\":\"Status: x\\n  - y > z\\n\"}"
#define CHANGE(event) "{\"routing_key\":\"" ROUTING "\"," PAYLOAD(event) "}}"
#define ALERT(event, action, severity)                                                                                             \
  "{\"routing_key\":\"" ROUTING                                                                                                    \
  "\"," PAYLOAD(event) ",\"severity\":\"" severity "\",\"component\":\"shop\",\"class\":\"" event "\"},\"event_action\":\"" action \
                       "\",\"dedup_key\":\"supernova-operator/demo/shop/release\",\"client\":\"supernova-operator\"}"

#define EVENT(event, type)                                                                                                      \
  "{\"specversion\":\"1.0\",\"id\":\"msg-0123456789\",\"source\":\"/apis/platform.supernova.com/v1alpha1/namespaces/demo/"      \
  "supernovastacks/shop\",\"type\":\"com.supernova.platform." type                                                              \
  ".v1\",\"time\":\"2026-11-23T12:00:00Z\",\"datacontenttype\":\"application/json\",\"data\":{\"namespace\":\"demo\",\"name\":" \
  "\"shop\",\"event\":\"" event                                                                                                 \
  "\",\"subject\":\"[Supernova] A & B <!channel>\",\"text\":\"Status: x\\n  - y > z\\n\","                                      \
  "\"revision\":3}}"

#define ENQUEUE "https://events.pagerduty.com/v2/enqueue"
#define CHANGES "https://events.pagerduty.com/v2/change/enqueue"

/* Each event for each receiver. */
static const struct row {
  const char *event, *pagerduty_url, *pagerduty, *cloud_event;
} rows[] = {
    {"ReleasePlanned", CHANGES, CHANGE("ReleasePlanned"), EVENT("ReleasePlanned", "release.planned")},
    {"ReleaseStarted", CHANGES, CHANGE("ReleaseStarted"), EVENT("ReleaseStarted", "release.started")},
    {"ReleaseDeployed", ENQUEUE, ALERT("ReleaseDeployed", "resolve", "info"), EVENT("ReleaseDeployed", "release.deployed")},
    {"ReleaseFailed", ENQUEUE, ALERT("ReleaseFailed", "trigger", "critical"), EVENT("ReleaseFailed", "release.failed")},
    {"RollbackStarted", CHANGES, CHANGE("RollbackStarted"), EVENT("RollbackStarted", "rollback.started")},
    {"RollbackDeployed", ENQUEUE, ALERT("RollbackDeployed", "resolve", "info"), EVENT("RollbackDeployed", "rollback.deployed")},
    {"ChangeOverridden", CHANGES, CHANGE("ChangeOverridden"), EVENT("ChangeOverridden", "change.overridden")},
};

static void expect(const char *type, const char *event, const char *address, const char *url, const char *body) {
  struct envelope e;
  struct error error = {0};
  cr_assert_eq(make(type, event, address, SIGNING, &e, &error), 0, "%s", error.message);
  cr_assert_str_eq(buffer_text(&e.url), url);
  cJSON *expected = parse(body), *made = parse(buffer_text(&e.body));
  cr_assert(json_equal(made, expected), "%s of %s is\n%s\nexpected\n%s", type, event, buffer_text(&e.body), body);
  cJSON_Delete(expected);
  cJSON_Delete(made);
  envelope_done(&e);
}

Test(envelope, each_event_has_each_receivers_shape) {
  size_t n = 0;
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    cr_assert_str_eq(stack_notification_events[n++], rows[i].event);
    expect("slack", rows[i].event, HOOK "\n", HOOK, SLACK);
    expect("pagerduty", rows[i].event, ROUTING " \n", rows[i].pagerduty_url, rows[i].pagerduty);
    expect("webhook", rows[i].event, "http://hook.ops:8080/x", "http://hook.ops:8080/x", rows[i].cloud_event);
  }
  cr_assert_null(stack_notification_events[n], "an event has no row here");
}

/* The signature by the rule, from the headers and the body that go out. */
Test(envelope, webhooks_are_signed_over_id_time_and_body) {
  struct envelope e;
  struct error error = {0};
  cr_assert_eq(make("webhook", "ReleaseFailed", "https://a/b", SIGNING, &e, &error), 0, "%s", error.message);
  cr_assert_str_eq(buffer_text(&e.headers[0]), "Content-Type: application/cloudevents+json; charset=UTF-8");
  cr_assert_str_eq(buffer_text(&e.headers[1]), "webhook-id: msg-0123456789");
  cr_assert_str_eq(buffer_text(&e.headers[2]), "webhook-timestamp: 1614265330");
  struct buffer key, content, expected;
  unsigned char mac[SHA256_BYTES];
  buffer_init(&key, 100);
  buffer_init(&content, 1 << 16);
  buffer_init(&expected, 256);
  cr_assert_eq(base64_decode(SIGNING + 6, strlen(SIGNING + 6), &key), 0);
  buffer_printf(&content, "msg-0123456789.1614265330.%s", buffer_text(&e.body));
  cr_assert_eq(hmac_sha256(key.data, key.len, content.data, content.len, mac), 0);
  buffer_puts(&expected, "webhook-signature: v1,");
  base64_encode(mac, sizeof mac, &expected);
  cr_assert_str_eq(buffer_text(&e.headers[3]), buffer_text(&expected));
  cr_assert_eq(e.headers[4].len, 0);
  buffer_done(&key);
  buffer_done(&content);
  buffer_done(&expected);
  envelope_done(&e);
}

Test(envelope, what_a_secret_lacks_is_said_without_saying_what_is_in_it) {
  static const struct {
    const char *type, *address, *signing, *words;
  } cases[] = {
      {"slack", "hooks.slack.com/PRIVATE", NULL, "is no URL"},
      {"slack", "https://a/PRIVATE b", NULL, "is no URL"},
      {"slack", "https://a/PRIVATE\nhttps://b", NULL, "is no URL"},
      {"slack", "file:///PRIVATE", NULL, "is no URL"},
      {"pagerduty", "PRIVATE", NULL, "is no routing key"},
      {"pagerduty", "0123456789abcdef0123456789PRIVA-", NULL, "is no routing key"},
      {"webhook", "https://a/b", NULL, "no signing secret"},
      {"webhook", "https://a/b", "", "no signing secret"},
      {"webhook", "https://a/b", "PRIVATE", "no signing secret"},
      {"webhook", "https://a/b", "whsec_PRIVATE", "no signing secret"},
      {"webhook", "https://a/b", "whsec_cHJpdmF0ZQ==", "no signing secret"},
      {"email", "PRIVATE", NULL, "is not known"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct envelope e;
    struct error error = {0};
    cr_assert_lt(make(cases[i].type, "ReleaseFailed", cases[i].address, cases[i].signing, &e, &error), 0, "%s", cases[i].address);
    cr_assert(strstr(error.message, cases[i].words), "%s", error.message);
    cr_assert(!strstr(error.message, "PRIVA"), "%s", error.message);
    envelope_done(&e);
  }
}

Test(envelope, slack_gets_no_more_than_it_takes_cut_between_characters) {
  struct envelope e;
  struct error error = {0};
  char subject[600] = "", text[8000] = "";
  for (int i = 0; i < 100; i++) strcat(subject, "é<");
  for (int i = 0; i < 2000; i++) strcat(text, "✅");
  cJSON *entry = cJSON_CreateObject();
  cJSON_AddStringToObject(entry, "subject", subject);
  cJSON_AddStringToObject(entry, "text", text);
  const struct letter letter = {"demo", "shop", entry, "slack"};
  const struct envelope_secret secret = {HOOK, NULL};
  cr_assert_eq(envelope_make(&letter, &secret, "", NOW_MS, &e, &error), 0);
  cJSON *made = NULL;
  cr_assert_eq(json_parse(buffer_text(&e.body), e.body.len, &json_limits_request, &made, &error), 0, "%s", error.message);
  const cJSON *header = cJSON_GetArrayItem(json_get(made, "blocks"), 0), *section = header->next;
  cr_assert_leq(strlen(json_string(header, "text.text", "")), 150);
  cr_assert_gt(strlen(json_string(header, "text.text", "")), 140);
  cr_assert_eq(strlen(json_string(section, "text.text", "")), 3000);
  cJSON_Delete(made);
  cJSON_Delete(entry);
  envelope_done(&e);
}
