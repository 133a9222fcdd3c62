#include "shape.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

enum shape { SHAPE_BOOL, SHAPE_NUMBER, SHAPE_COUNT, SHAPE_OBJECT, SHAPE_STRINGS, SHAPE_STRING_MAP, SHAPE_OBJECTS };

static const struct shape_row {
  const char *path;
  enum shape shape;
} rows[] = {
    {"metadata.annotations", SHAPE_STRING_MAP},
    {"metadata.finalizers", SHAPE_STRINGS},
    {"status", SHAPE_OBJECT},
    {"spec.image.pullSecrets", SHAPE_STRINGS},
    {"spec.config.corsAllowedOrigins", SHAPE_STRINGS},
    {"spec.config.trustedProxies", SHAPE_STRINGS},
    {"spec.config.env", SHAPE_STRING_MAP},
    {"spec.designTokens.inline", SHAPE_OBJECT},
    {"spec.jwks.retain", SHAPE_BOOL},
    {"spec.hooks", SHAPE_OBJECTS},
    {"spec.rollout.maxSurge", SHAPE_COUNT},
    {"spec.rollout.maxUnavailable", SHAPE_COUNT},
    {"spec.rollout.canary.replicas", SHAPE_NUMBER},
    {"spec.change.windows", SHAPE_OBJECTS},
    {"spec.change.freezes", SHAPE_OBJECTS},
    {"spec.notifications", SHAPE_OBJECTS},
    {"spec.service.annotations", SHAPE_STRING_MAP},
    {"spec.ingress.annotations", SHAPE_STRING_MAP},
    {"spec.ingress.hosts", SHAPE_OBJECTS},
    {"spec.ingress.tls", SHAPE_OBJECTS},
    {"spec.resources", SHAPE_OBJECT},
    {"spec.podDisruptionBudget.minAvailable", SHAPE_COUNT},
    {"spec.networkPolicy.ingressFrom", SHAPE_OBJECTS},
    {"spec.networkPolicy.egressTo", SHAPE_OBJECTS},
    {"spec.networkPolicy.operatorFrom", SHAPE_OBJECTS},
    {"spec.networkPolicy.metricsFrom", SHAPE_OBJECTS},
    {"spec.scheduling.nodeSelector", SHAPE_STRING_MAP},
    {"spec.scheduling.tolerations", SHAPE_OBJECTS},
    {"spec.scheduling.affinity", SHAPE_OBJECT},
    {"spec.serviceAccount.annotations", SHAPE_STRING_MAP},
    {"spec.monitoring.labels", SHAPE_STRING_MAP},
};

/* Of the migration, the seeds and each hook. */
static const struct shape_row job_rows[] = {{"when", SHAPE_STRINGS}, {"command", SHAPE_STRINGS}, {"resources", SHAPE_OBJECT}};

static int refuse(const char *path, const cJSON *value, const char *expected, struct error *error) {
  char shown[48];
  if (cJSON_IsString(value))
    (void)snprintf(shown, sizeof shown, "the text \"%.24s\"", value->valuestring);
  else if (cJSON_IsNumber(value))
    (void)snprintf(shown, sizeof shown, "%.15g", value->valuedouble);
  else
    (void)snprintf(shown, sizeof shown, "%s",
                   cJSON_IsObject(value)  ? "an object"
                   : cJSON_IsArray(value) ? "a list"
                   : cJSON_IsTrue(value)  ? "true"
                   : cJSON_IsFalse(value) ? "false"
                                          : "null");
  return error_set(error, ERROR_INVALID, "%s is %s, expected %s", path, shown, expected);
}

/* Every member of a list or a map is a string (STRINGS) or an object. */
static int check_members(const char *path, const cJSON *value, bool strings, struct error *error) {
  const cJSON *member;
  int at = 0;
  cJSON_ArrayForEach(member, value) {
    char place[160];
    if (cJSON_IsObject(value))
      (void)snprintf(place, sizeof place, "%s.%s", path, member->string);
    else
      (void)snprintf(place, sizeof place, "%s[%d]", path, at++);
    if (strings && !cJSON_IsString(member)) return refuse(place, member, "a string", error);
    if (!strings && !cJSON_IsObject(member)) return refuse(place, member, "an object", error);
  }
  return 0;
}

static int check(const char *path, const cJSON *value, enum shape shape, struct error *error) {
  switch (shape) {
    case SHAPE_BOOL: return cJSON_IsBool(value) ? 0 : refuse(path, value, "true or false", error);
    case SHAPE_NUMBER: return cJSON_IsNumber(value) ? 0 : refuse(path, value, "a number", error);
    case SHAPE_COUNT: return cJSON_IsNumber(value) || cJSON_IsString(value) ? 0 : refuse(path, value, "a number or a percentage", error);
    case SHAPE_OBJECT: return cJSON_IsObject(value) ? 0 : refuse(path, value, "an object", error);
    case SHAPE_STRING_MAP: return cJSON_IsObject(value) ? check_members(path, value, true, error) : refuse(path, value, "an object", error);
    case SHAPE_STRINGS: return cJSON_IsArray(value) ? check_members(path, value, true, error) : refuse(path, value, "a list", error);
    case SHAPE_OBJECTS: return cJSON_IsArray(value) ? check_members(path, value, false, error) : refuse(path, value, "a list", error);
  }
  return error_set(error, ERROR_BUG, "%s has no shape", path);
}

static int check_job(const char *path, const cJSON *job, struct error *error) {
  for (size_t i = 0; i < ELEMENTS(job_rows); i++) {
    const cJSON *value = json_member(job, job_rows[i].path);
    char place[64];
    (void)snprintf(place, sizeof place, "%s.%s", path, job_rows[i].path);
    if (value && check(place, value, job_rows[i].shape, error) < 0) return -1;
  }
  return 0;
}

static int check_jobs(const cJSON *object, struct error *error) {
  static const char *const paths[] = {"spec.migrations", "spec.seeds"};
  for (size_t i = 0; i < ELEMENTS(paths); i++)
    if (check_job(paths[i], json_get(object, paths[i]), error) < 0) return -1;
  int place = 0;
  const cJSON *hook;
  cJSON_ArrayForEach(hook, json_get(object, "spec.hooks")) {
    char path[32];
    (void)snprintf(path, sizeof path, "spec.hooks[%d]", place++);
    if (check_job(path, hook, error) < 0) return -1;
  }
  return 0;
}

static int check_notifications(const cJSON *object, struct error *error) {
  int place = 0;
  const cJSON *notification;
  cJSON_ArrayForEach(notification, json_get(object, "spec.notifications")) {
    char path[40];
    (void)snprintf(path, sizeof path, "spec.notifications[%d].events", place++);
    const cJSON *events = json_member(notification, "events");
    if (events && check(path, events, SHAPE_STRINGS, error) < 0) return -1;
  }
  return 0;
}

bool shape_is_count(const cJSON *value, int64_t max) {
  int64_t number = json_int(value, "", -1);
  if (cJSON_IsNumber(value)) return number >= 0 && number <= max;
  size_t n = strlen(value->valuestring);
  return n && value->valuestring[n - 1] == '%' && parse_int64_n(value->valuestring, n - 1, 0, 100, &number) == 0;
}

int shape_check(const cJSON *object, struct error *error) {
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    const cJSON *value = json_get(object, rows[i].path);
    if (value && check(rows[i].path, value, rows[i].shape, error) < 0) return -1;
  }
  return check_jobs(object, error) < 0 ? -1 : check_notifications(object, error);
}
