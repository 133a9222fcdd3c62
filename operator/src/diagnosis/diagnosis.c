#include "diagnosis/diagnosis.h"

#include "codec/json.h"
#include "release/last_words.h"

#include <string.h>

enum { WORDS_MAX_BYTES = 400 };

/* One pod that is being looked at. */
struct look {
  const struct observation *o;
  const struct child *pod; /* NULL: the Deployment */
  const char *said;        /* by the API server of what it refused, or the container's last line */
  struct arena *arena;
};

/* A pod that the Deployment still wants: what keeps one of an earlier revision from serving holds nothing up. */
static bool counts(const struct child *pod, const struct child *deployment) {
  const char *wanted = deployment->deployment.content_hash, *has = pod->pod.content_hash;
  bool is_server = pod->pod.component && !strcmp(pod->pod.component, "server");
  return is_server && !pod->deleting && (!wanted || !has || !strcmp(wanted, has));
}

static bool is_one_of(const char *text, const char *const *list) {
  for (; text && *list; list++)
    if (!strcmp(text, *list)) return true;
  return false;
}

static bool says(const char *text, const char *words) { return text && strcasestr(text, words); }

/* ---- the last words ---- */

/* A line of a structured log: its message and its error. */
static const char *unfold(const char *line, struct arena *arena) {
  cJSON *tree = NULL;
  if (*line != '{' || json_parse(line, strlen(line), &json_limits_request, &tree, NULL) < 0) return line;
  const char *message = json_string(tree, "msg", json_string(tree, "message", NULL));
  const char *error = json_string(tree, "err", json_string(tree, "error", NULL));
  const char *whole = message && error ? arena_printf(arena, "%s: %s", message, error) : arena_strdup(arena, message ? message : error);
  cJSON_Delete(tree);
  return whole ? whole : line;
}

/* The last line that has something in it. */
static const char *last_line(const char *text, struct arena *arena) {
  if (!text) return "";
  const char *end = text + strlen(text);
  while (end > text && strchr(" \r\n\t", end[-1])) end--;
  const char *start = end;
  while (start > text && start[-1] != '\n') start--;
  const char *line = arena_strndup(arena, start, (size_t)(end - start));
  return line ? last_words_clean(arena, unfold(line, arena), WORDS_MAX_BYTES) : "";
}

/* ---- what each cause looks like ---- */

static bool is_over_quota(const struct look *l) { return !l->pod && says(l->said, "exceeded quota"); }

static bool is_insecure(const struct look *l) { return !l->pod && says(l->said, "violates PodSecurity"); }

static bool is_refused(const struct look *l) { return !l->pod; }

static bool is_unschedulable(const struct look *l) { return l->pod && l->pod->pod.unschedulable; }

static bool lacks_image(const struct look *l) {
  static const char *const reasons[] = {
      "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", NULL};
  return l->pod && is_one_of(l->pod->pod.waiting, reasons);
}

static bool lacks_config(const struct look *l) {
  return l->pod && l->pod->pod.waiting && !strcmp(l->pod->pod.waiting, "CreateContainerConfigError");
}

static bool lacks_key(const struct look *l) { return lacks_config(l) && says(l->pod->pod.waiting_message, "couldn't find key"); }

static bool lacks_secret(const struct look *l) {
  return lacks_config(l) && says(l->pod->pod.waiting_message, "secret") && says(l->pod->pod.waiting_message, "not found");
}

/* It ended, and does not serve since: whether it waits for its next start or has just begun it. */
static bool has_ended(const struct look *l) {
  const struct pod_facts *pod = l->pod ? &l->pod->pod : NULL;
  if (!pod || pod->ready || !pod->terminated || pod->deadline_exceeded) return false;
  return !pod->waiting || !strcmp(pod->waiting, "CrashLoopBackOff");
}

static bool is_out_of_memory(const struct look *l) {
  return has_ended(l) && l->pod->pod.end_reason && !strcmp(l->pod->pod.end_reason, "OOMKilled");
}

/* A dependency's name and what it would not do, in one line. */
static bool names_refusal(const char *said, const char *const *names) {
  static const char *const refusals[] = {
      "refused",           "timeout",   "timed out", "no answer",      "unreachable",         "authentication failed",
      "could not connect", "WRONGPASS", "NOAUTH",    "does not exist", "could not translate", NULL};
  bool named = false, refused = false;
  for (; *names; names++) named = named || says(said, *names);
  for (const char *const *words = refusals; *words; words++) refused = refused || says(said, *words);
  return named && refused;
}

static bool database_refuses(const struct look *l) {
  static const char *const names[] = {"database", "postgres", "FATAL:  role", NULL};
  return has_ended(l) && names_refusal(l->said, names);
}

static bool redis_refuses(const struct look *l) {
  static const char *const names[] = {"redis", "sentinel", NULL};
  return has_ended(l) && names_refusal(l->said, names);
}

static bool did_not_start(const struct look *l) {
  return l->pod && l->pod->pod.waiting && strcmp(l->pod->pod.waiting, "PodInitializing") != 0;
}

static bool is_silent(const struct look *l) {
  const struct pod_facts *pod = l->pod ? &l->pod->pod : NULL;
  return pod && !pod->ready && pod->running_since_ms && l->o->now_ms - pod->running_since_ms >= DIAGNOSIS_PROBE_MS;
}

/* ---- and what is said of it ---- */

static const char *kubectl(const struct look *l, const char *rest) {
  return arena_printf(l->arena, "kubectl -n %s %s", l->o->stack->namespace, rest);
}

static const char *describe(const struct look *l) { return kubectl(l, arena_printf(l->arena, "describe pod %s", l->pod->name)); }

static const char *clean(const struct look *l, const char *text) { return last_words_clean(l->arena, text ? text : "", WORDS_MAX_BYTES); }

static const char *say_quota(const struct look *l) {
  return arena_printf(l->arena, "the namespace's quota allows no further pod: %s; raise it or lower spec.resources: %s", clean(l, l->said),
                      kubectl(l, "describe resourcequota"));
}

static const char *say_insecure(const struct look *l) {
  return arena_printf(l->arena,
                      "Pod Security refuses the pods: %s; see what the namespace enforces: kubectl get namespace %s --show-labels",
                      clean(l, l->said), l->o->stack->namespace);
}

static const char *say_refused(const struct look *l) {
  return arena_printf(l->arena, "no pod can be made: %s; see what refuses: %s", clean(l, l->said),
                      kubectl(l, "get events --field-selector reason=FailedCreate"));
}

static const char *say_unschedulable(const struct look *l) {
  return arena_printf(l->arena, "pod %s cannot be scheduled: %s; compare with spec.resources and spec.scheduling: %s", l->pod->name,
                      clean(l, l->pod->pod.unschedulable), describe(l));
}

/* What the registry said. A kubelet wraps it otherwise while it pulls and while it backs off, in turns; said alike, the same trouble costs one write. */
static const char *pull_words(const struct pod_facts *pod) {
  static const char *const wraps[] = {"ErrImagePull: ", "desc = "};
  const char *words = pod->waiting_message ? pod->waiting_message : pod->waiting;
  for (size_t i = 0; i < ELEMENTS(wraps); i++) {
    const char *wrap = strstr(words, wraps[i]);
    if (wrap) words = wrap + strlen(wraps[i]);
  }
  return words;
}

static const char *say_image(const struct look *l) {
  return arena_printf(l->arena, "pod %s cannot pull its image: %s; check spec.image and spec.image.pullSecrets: %s", l->pod->name,
                      clean(l, pull_words(&l->pod->pod)), describe(l));
}

static const char *say_key(const struct look *l) {
  return arena_printf(l->arena, "pod %s lacks a key: %s; add it: %s", l->pod->name, clean(l, l->pod->pod.waiting_message),
                      kubectl(l, arena_printf(l->arena, "edit secret %s", l->o->stack->spec.secrets.name)));
}

static const char *say_secret(const struct look *l) {
  return arena_printf(l->arena, "pod %s lacks a Secret: %s; see which there are: %s", l->pod->name, clean(l, l->pod->pod.waiting_message),
                      kubectl(l, "get secrets"));
}

static const char *say_config(const struct look *l) {
  return arena_printf(l->arena, "pod %s lacks what it refers to: %s; see: %s", l->pod->name, clean(l, l->pod->pod.waiting_message),
                      describe(l));
}

static const char *say_memory(const struct look *l) {
  const char *limit = l->pod->pod.memory_limit;
  return arena_printf(l->arena, "pod %s was killed for using more memory than its limit of %s; raise spec.resources.limits.memory: %s",
                      l->pod->name, limit ? limit : "its node",
                      kubectl(l, arena_printf(l->arena, "edit supernovastack %s", l->o->stack->name)));
}

static const char *logs(const struct look *l) { return kubectl(l, arena_printf(l->arena, "logs %s --previous", l->pod->name)); }

static const char *say_database(const struct look *l) {
  return arena_printf(l->arena, "pod %s ends because the database will not have it: %s; check %s in Secret %s: %s", l->pod->name, l->said,
                      l->o->stack->spec.database.secret_key, l->o->stack->spec.secrets.name, logs(l));
}

static const char *say_redis(const struct look *l) {
  return arena_printf(l->arena, "pod %s ends because Redis will not have it: %s; check its address in Secret %s: %s", l->pod->name, l->said,
                      l->o->stack->spec.secrets.name, logs(l));
}

static const char *say_crash(const struct look *l) {
  return arena_printf(l->arena, "pod %s crashes (exit status %lld): %s; see its log: %s", l->pod->name, (long long)l->pod->pod.exit_code,
                      *l->said ? l->said : "it said nothing", logs(l));
}

static const char *say_not_started(const struct look *l) {
  return arena_printf(l->arena, "pod %s waits: %s: %s; see: %s", l->pod->name, l->pod->pod.waiting, clean(l, l->pod->pod.waiting_message),
                      describe(l));
}

static const char *say_silent(const struct look *l) {
  const char *probe = l->pod->pod.started ? "readiness" : "startup";
  return arena_printf(l->arena, "pod %s runs, but its %s probe fails; ask it why: %s", l->pod->name, probe,
                      kubectl(l, arena_printf(l->arena, "exec %s -- supernova-server health", l->pod->name)));
}

static const struct cause {
  const char *reason;
  bool (*shows)(const struct look *l);
  const char *(*say)(const struct look *l);
} causes[] = {
    {"QuotaExceeded", is_over_quota, say_quota},
    {"PodSecurityRefused", is_insecure, say_insecure},
    {"PodsRefused", is_refused, say_refused},
    {"Unschedulable", is_unschedulable, say_unschedulable},
    {"ImageNotPulled", lacks_image, say_image},
    {"SecretKeyMissing", lacks_key, say_key},
    {"SecretMissing", lacks_secret, say_secret},
    {"ConfigMissing", lacks_config, say_config},
    {"OutOfMemory", is_out_of_memory, say_memory},
    {"DatabaseRefused", database_refuses, say_database},
    {"RedisRefused", redis_refuses, say_redis},
    {"CrashLoop", has_ended, say_crash},
    {"ContainerNotStarted", did_not_start, say_not_started},
    {"ProbeFailing", is_silent, say_silent},
};

/* ---- looking ---- */

/* The first cause that LOOK shows, if it is surer than *BEST. */
static void consider(const struct look *look, const struct cause **best, struct look *ret) {
  for (const struct cause *cause = causes; cause < causes + ELEMENTS(causes) && (!*best || cause < *best); cause++) {
    if (!cause->shows(look)) continue;
    *best = cause;
    *ret = *look;
    return;
  }
}

static int64_t sooner(int64_t a, int64_t b) { return !a || (b && b < a) ? b : a; }

/* When a pod that runs without being ready will have done so for long. */
static int64_t silent_in_ms(const struct observation *o, const struct pod_facts *pod) {
  if (pod->ready || !pod->running_since_ms) return 0;
  int64_t left_ms = pod->running_since_ms + DIAGNOSIS_PROBE_MS - o->now_ms;
  return left_ms > 0 ? left_ms : 0;
}

struct diagnosis diagnose(const struct observation *o, const struct child *deployment, struct arena *arena) {
  const struct cause *best = NULL;
  struct look found = {0};
  struct diagnosis d = {0};
  const struct child_list *pods = &o->children[RESOURCE_POD];
  const char *refusal = deployment ? deployment->deployment.replica_failure : NULL;
  if (refusal) consider(&(struct look){o, NULL, refusal, arena}, &best, &found);
  for (size_t i = 0; deployment && i < pods->count; i++) {
    const struct child *pod = pods->items[i];
    if (!counts(pod, deployment)) continue;
    consider(&(struct look){o, pod, last_line(pod->pod.termination_message, arena), arena}, &best, &found);
    d.look_again_ms = sooner(d.look_again_ms, silent_in_ms(o, &pod->pod));
  }
  if (!best) return d;
  const char *message = best->say(&found);
  d.reason = best->reason;
  d.message = message ? message : "";
  return d;
}

const char *diagnose_autoscaler(const struct observation *o, struct arena *arena) {
  const struct child *hpa = observation_find(o, RESOURCE_HPA, o->stack->name);
  if (!o->stack->spec.autoscaling.enabled || !hpa || !observation_owns(o, hpa) || !hpa->hpa.at_maximum) return NULL;
  return arena_printf(arena,
                      "the autoscaler wants more pods than autoscaling.maxReplicas, %lld; raise it: kubectl -n %s edit supernovastack %s",
                      (long long)o->stack->spec.autoscaling.max_replicas, o->stack->namespace, o->stack->name);
}
