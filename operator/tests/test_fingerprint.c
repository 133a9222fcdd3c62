#include "stack/fingerprint.h"

#include "live.h"

static cJSON *parse(const char *yaml) {
  cJSON *tree = NULL;
  struct error error = {0};
  cr_assert_eq(yaml_parse(yaml, strlen(yaml), &tree, &error), 0, "%s", error.message);
  return tree;
}

struct verdict {
  bool covers, foreign;
};

static struct verdict compare(const cJSON *live, const cJSON *rendered) {
  struct fingerprint a = {0}, b = {0};
  cr_assert_eq(fingerprint_take(live, &a), 0);
  cr_assert_eq(fingerprint_take(rendered, &b), 0);
  struct verdict verdict = {fingerprint_covers(&a, &b), fingerprint_foreign(&a, &b)};
  fingerprint_done(&a);
  fingerprint_done(&b);
  return verdict;
}

static void check(const char *live_yaml, const char *rendered_yaml, bool covers, bool foreign) {
  _cleanup_json_ cJSON *live = parse(live_yaml), *rendered = parse(rendered_yaml);
  struct verdict verdict = compare(live, rendered);
  cr_assert_eq(verdict.covers, covers, "%s\nagainst\n%s", live_yaml, rendered_yaml);
  cr_assert_eq(verdict.foreign, foreign, "%s\nagainst\n%s", live_yaml, rendered_yaml);
}

Test(fingerprint, what_a_real_api_server_makes_of_every_child_is_no_drift) {
  _cleanup_json_ cJSON *golden = items_of("golden/full.json"), *live = items_of("live/full.json");
  cJSON *rendered = cJSON_GetObjectItemCaseSensitive(golden, "items")->child,
        *found = cJSON_GetObjectItemCaseSensitive(live, "items")->child;
  for (; rendered && found; rendered = rendered->next, found = found->next) {
    struct verdict verdict = compare(found, rendered);
    cr_assert_str_eq(json_string(found, "metadata.name", "a"), json_string(rendered, "metadata.name", "b"));
    cr_assert(verdict.covers && !verdict.foreign, "%s %s", json_string(found, "kind", ""), json_string(found, "metadata.name", ""));
  }
  cr_assert(!rendered && !found);
}

/* Every scalar that was rendered, changed one after the other in what is there. */
static unsigned change_each(cJSON *node, const cJSON *live, const cJSON *rendered) {
  unsigned changed = 0;
  for (cJSON *child = node->child; child; child = child->next) {
    changed += change_each(child, live, rendered);
    if (!cJSON_IsString(child)) continue;
    char *kept = child->valuestring, other[] = "something else";
    child->valuestring = other;
    cr_assert(!compare(live, rendered).covers, "a changed %s goes unseen", child->string ? child->string : "item");
    child->valuestring = kept;
    changed++;
  }
  return changed;
}

Test(fingerprint, each_changed_value_of_a_deployment_is_seen) {
  _cleanup_json_ cJSON *golden = items_of("golden/full.json");
  cJSON *rendered = item_of(golden, "Deployment");
  _cleanup_json_ cJSON *live = cJSON_Duplicate(rendered, true);
  cr_assert(change_each(cJSON_GetObjectItemCaseSensitive(live, "spec"), live, rendered) > 50);
}

Test(fingerprint, values) {
  static const struct {
    const char *live, *rendered;
    bool covers;
  } rows[] = {
      {"spec: {a: 1, b: 2}", "spec: {a: 1}", true},
      {"spec: {a: 1}", "spec: {a: 1, b: 2}", false},
      {"spec: {a: '1'}", "spec: {a: 1}", false},
      {"spec: {a: true}", "spec: {a: false}", false},
      {"spec: {ab: c}", "spec: {a: bc}", false},
      {"status: {a: 1}", "spec: {a: 1}", false},
      {"data: {a: 1}\nstatus: {b: 2}", "data: {a: 1}\nstatus: {b: 3}", true},
      {"metadata: {labels: {a: b, c: d}, uid: x}", "metadata: {labels: {a: b}, name: y}", true},
      {"metadata: {labels: {a: b}}", "metadata: {annotations: {a: b}}", false},
      {"spec: {limits: {cpu: '2', memory: 1Gi}}", "spec: {limits: {cpu: 2000m, memory: 1024Mi}}", true},
      {"spec: {requests: {cpu: 2}}", "spec: {requests: {cpu: '2'}}", true},
      {"spec: {requests: {memory: 2Pi}}", "spec: {requests: {memory: 2048Ti}}", true},
      {"spec: {requests: {memory: 1e3}}", "spec: {requests: {memory: 1k}}", true},
      {"spec: {limits: {cpu: '2'}}", "spec: {limits: {cpu: 2001m}}", false},
      {"spec: {other: {cpu: '2'}}", "spec: {other: {cpu: 2000m}}", false},
      {"spec: {list: [a, b]}", "spec: {list: [b, a]}", false},
      {"spec: {env: [{name: B, value: 2}, {name: A, value: 1}]}", "spec: {env: [{name: A, value: 1}, {name: B, value: 2}]}", true},
      {"spec: {ports: [{port: 80, nodePort: 30000}]}", "spec: {ports: [{port: 80}]}", true},
      {"spec: {}", "spec: {tolerations: [], nodeSelector: {}, limits: {}, tls: []}", true},
      {"spec: {volumes: [{name: a, hostPath: {path: /}}]}", "spec: {volumes: [{name: a, emptyDir: {}}]}", false},
      {"spec: {podSelector: {matchLabels: {a: b}}}", "spec: {podSelector: {}}", false},
      {"spec: {a: null}", "spec: {a: null}", true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check(rows[i].live, rows[i].rendered, rows[i].covers, false);
}

Test(fingerprint, what_somebody_added_to_a_guarded_list_is_foreign) {
  static const struct {
    const char *live, *rendered;
    bool foreign;
  } rows[] = {
      {"spec: {env: [{name: A}, {name: B}]}", "spec: {env: [{name: A}]}", true},
      {"spec: {containers: [{name: a}, {name: b}]}", "spec: {containers: [{name: a}]}", true},
      {"spec: {initContainers: [{name: a}]}", "spec: {a: b}", true},
      {"spec: {containers: [{name: a, command: [sh]}]}", "spec: {containers: [{name: a}]}", true},
      {"spec: {volumeMounts: [{mountPath: /a}, {mountPath: /b}]}", "spec: {volumeMounts: [{mountPath: /a}]}", true},
      {"spec: {ports: [{port: 80}, {port: 81}]}", "spec: {ports: [{port: 80}]}", true},
      {"spec: {tolerations: [{key: a}, {key: b}]}", "spec: {tolerations: [{key: a}]}", false},
      {"spec: {env: [{name: A, value: x}]}", "spec: {env: [{name: A}]}", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    _cleanup_json_ cJSON *live = parse(rows[i].live), *rendered = parse(rows[i].rendered);
    cr_assert_eq(compare(live, rendered).foreign, rows[i].foreign, "%s", rows[i].live);
  }
}

Test(fingerprint, what_is_missing_is_named) {
  static const struct {
    const char *live, *rendered, *name;
  } rows[] = {
      {"spec: {a: 1, c: 2}", "spec: {a: 1}", NULL},
      {"spec: {a: 1}", "spec: {a: 1, b: 2}", "spec.b"},
      {"spec: {a: 2}", "spec: {a: 1}", "spec.a"},
      {"spec: {ports: [{port: 81}]}", "spec: {ports: [{port: 80, name: http}]}", "spec.ports[0].port"},
      {"spec: {env: [{name: A, value: x}]}", "spec: {env: [{name: A, value: y}]}", "spec.env[0].value"},
      {"metadata: {labels: {a: b}}", "metadata: {labels: {a: c}}", "metadata.labels.a"},
      {"spec: {limits: {cpu: '2'}}", "spec: {limits: {cpu: 2000m}}", NULL},
      {"data: {a-very-long-name: x}", "data: {a-very-long-name: y}", "data.a-very-long-na"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    _cleanup_json_ cJSON *live = parse(rows[i].live), *rendered = parse(rows[i].rendered);
    struct fingerprint f = {0};
    char name[20];
    cr_assert_eq(fingerprint_take(live, &f), 0);
    bool missing = fingerprint_name_missing(&f, rendered, name, sizeof name);
    cr_expect_eq(missing, rows[i].name != NULL, "%s", rows[i].rendered);
    if (missing) cr_expect_str_eq(name, rows[i].name);
    fingerprint_done(&f);
  }
}

Test(fingerprint, nothing_has_one_too) {
  struct fingerprint f = {0};
  cr_assert_eq(fingerprint_take(NULL, &f), 0);
  cr_assert_eq(f.value_count, 0);
  fingerprint_done(&f);
  fingerprint_done(&f);
}
