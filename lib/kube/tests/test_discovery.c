#include "kube/discovery.h"

#include "script.h"

static const struct kube_resource cats = {"pets.example.com", "v1", "cats", "Cat", true};
static const struct kube_resource dogs = {"pets.example.com", "v1", "dogs", "Dog", true};
static const struct kube_resource *const pets[] = {&cats, &dogs, NULL};

#define ASKED "GET /apis/pets.example.com/v1"
#define DOGS  "{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"dogs\"},{\"name\":\"dogs/status\"},{\"name\":\"fish\"}]}"
#define BOTH  "{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"dogs\"},{\"name\":\"cats\"}]}"

struct told {
  uint64_t served[8];
  size_t count, wanted;
};

static void on_answer(void *owner, uint64_t served) {
  struct told *told = owner;
  if (told->count < ELEMENTS(told->served)) told->served[told->count++] = served;
}

static bool told_all(void *owner) { return ((struct told *)owner)->count >= ((struct told *)owner)->wanted; }

static struct told hear(const struct step *steps, size_t wanted) {
  struct told told = {.wanted = wanted};
  struct script *script = script_new(steps, 0);
  struct discovery *discovery = discovery_new(
      script->client, &(struct discovery_options){.resources = pets, .interval_ms = 10, .on_answer = on_answer, .owner = &told}, NULL);
  cr_assert_not_null(discovery);
  cr_assert_eq(told.count, 0, "nothing is told before it has returned");
  script_play(script);
  wait_until(script->loop, 5000, told_all, &told, "all is told");
  discovery_free(discovery);
  cr_expect_eq(kube_client_in_flight(script->client), 0);
  script_free(script);
  return told;
}

Test(discovery, what_comes_and_goes_is_seen) {
  static const struct step steps[] = {{ASKED, "pets.example.com/v1/", 404, NULL, "{}", ANSWER},
                                      {ASKED, NULL, 200, NULL, DOGS, ANSWER},
                                      {ASKED, NULL, 200, NULL, BOTH, ANSWER},
                                      {ASKED, NULL, 200, NULL, BOTH, ANSWER},
                                      {ASKED, NULL, 403, NULL, "{}", ANSWER},
                                      {0}};
  struct told told = hear(steps, 5);
  static const uint64_t expected[] = {0, 2, 3, 3, 0};
  for (size_t i = 0; i < ELEMENTS(expected); i++) cr_expect_eq(told.served[i], expected[i], "answer %zu", i);
}

Test(discovery, no_answer_is_no_news) {
  static const struct step steps[] = {{ASKED, NULL, 200, NULL, BOTH, ANSWER},
                                      {ASKED, NULL, 500, NULL, "{}", ANSWER},
                                      {ASKED, NULL, 0, NULL, NULL, CUT},
                                      {ASKED, NULL, 200, NULL, "<html>welcome to the hotel</html>", ANSWER},
                                      {ASKED, NULL, 200, NULL, "{\"kind\":\"Cat\"}", ANSWER},
                                      {ASKED, NULL, 200, NULL, DOGS, ANSWER},
                                      {0}};
  struct told told = hear(steps, 2);
  cr_expect_eq(told.count, 2);
  cr_expect_eq(told.served[0], 3);
  cr_expect_eq(told.served[1], 2);
}

static bool is_asked(void *owner) { return ((const struct script *)owner)->unasked; }

Test(discovery, freeing_one_that_asks_is_silent) {
  static const struct step steps[] = {{0}};
  struct told told = {0};
  struct script *script = script_new(steps, 0);
  struct discovery *discovery = discovery_new(
      script->client, &(struct discovery_options){.resources = pets, .interval_ms = 10, .on_answer = on_answer, .owner = &told}, NULL);
  cr_assert_not_null(discovery);
  wait_until(script->loop, 5000, is_asked, script, "it asks");
  discovery_free(discovery);
  cr_expect_eq(kube_client_in_flight(script->client), 0);
  cr_expect_eq(told.count, 0);
  script_free(script);
}
