#include "stack/notification.h"

#include <string.h>

enum { NAME_MAX_LENGTH = 40, SECRET_NAME_MAX_LENGTH = 253, KEY_MAX_LENGTH = 200 };

#define LOWER_AND_DIGITS "abcdefghijklmnopqrstuvwxyz0123456789"

const char *const stack_notification_events[] = {"ReleasePlanned",  "ReleaseStarted",   "ReleaseDeployed",  "ReleaseFailed",
                                                 "RollbackStarted", "RollbackDeployed", "ChangeOverridden", NULL};

static const char *const types[] = {"slack", "pagerduty", "webhook", NULL};

static bool is_one_of(const char *const *list, const char *text) {
  while (*list && strcmp(*list, text) != 0) list++;
  return *list;
}

bool stack_notification_at(const struct stack_spec *spec, int place, struct stack_notification *ret) {
  const cJSON *item = cJSON_GetArrayItem(spec->notifications, place);
  return item && decode(item, "", stack_notification_fields, ret, NULL) == 0;
}

bool stack_notification_find(const struct stack_spec *spec, const char *name, struct stack_notification *ret) {
  struct stack_notification found;
  for (int place = 0; stack_notification_at(spec, place, &found); place++)
    if (!strcmp(found.name, name)) return *ret = found, true;
  return false;
}

bool stack_notification_wants(const struct stack_notification *notification, const char *event) {
  const cJSON *wanted;
  if (!notification->events) return true;
  cJSON_ArrayForEach(wanted, notification->events) {
    if (!strcmp(wanted->valuestring, event)) return true;
  }
  return false;
}

static bool is_name(const char *text, const char *between, size_t longest) {
  size_t n = strlen(text);
  if (n > longest || strchr(between, text[0]) || strchr(between, text[n - 1])) return false;
  for (const char *p = text; *p; p++)
    if (!strchr(LOWER_AND_DIGITS, *p) && !strchr(between, *p)) return false;
  return true;
}

static bool is_key(const char *text) {
  static const char letters[] = LOWER_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";
  return strlen(text) <= KEY_MAX_LENGTH && !text[strspn(text, letters)];
}

static int check_events(const struct stack_notification *notification, struct error *error) {
  const cJSON *event;
  if (notification->events && !notification->events->child)
    return error_set(error, ERROR_INVALID, "notifications: events is empty: name what %s is told, or leave it out for everything",
                     notification->name);
  cJSON_ArrayForEach(event, notification->events) {
    if (!is_one_of(stack_notification_events, event->valuestring))
      return error_set(error, ERROR_INVALID,
                       "notifications: %.40s is no event: expected ReleasePlanned, ReleaseStarted, ReleaseDeployed, ReleaseFailed, "
                       "RollbackStarted, RollbackDeployed or ChangeOverridden",
                       event->valuestring);
  }
  return 0;
}

/* A name finds the first that bears it, whose strings are its own. */
static bool is_second_of_its_name(const struct stack *stack, const struct stack_notification *to) {
  struct stack_notification first;
  return stack_notification_find(&stack->spec, to->name, &first) && first.name != to->name;
}

static int check_one(const struct stack *stack, int place, const struct stack_notification *to, struct error *error) {
  if (!is_name(to->name, "-", NAME_MAX_LENGTH))
    return error_set(error, ERROR_INVALID,
                     "notifications: the name %.60s is not at most 40 lower-case letters, digits and '-' that begin and end with a letter "
                     "or digit",
                     to->name);
  if (is_second_of_its_name(stack, to))
    return error_set(error, ERROR_INVALID, "notifications: two are named %s: choose another name for notifications[%d]", to->name, place);
  if (!is_one_of(types, to->type))
    return error_set(error, ERROR_INVALID, "notifications: the type of %s is %.40s, expected slack, pagerduty or webhook", to->name,
                     to->type);
  if (!is_name(to->secret_name, "-.", SECRET_NAME_MAX_LENGTH))
    return error_set(error, ERROR_INVALID, "notifications: secretRef.name of %s is not a name that Kubernetes accepts", to->name);
  if (!is_key(to->secret_key))
    return error_set(error, ERROR_INVALID, "notifications: secretRef.key of %s may hold letters, digits, '-', '_' and '.' only", to->name);
  return check_events(to, error);
}

int stack_notifications_check(const struct stack *stack, struct error *error) {
  struct stack_notification to;
  if (cJSON_GetArraySize(stack->spec.notifications) > STACK_MAX_NOTIFICATIONS)
    return error_set(error, ERROR_INVALID, "spec.notifications has %d, expected at most %d", cJSON_GetArraySize(stack->spec.notifications),
                     STACK_MAX_NOTIFICATIONS);
  for (int place = 0; stack_notification_at(&stack->spec, place, &to); place++)
    if (check_one(stack, place, &to, error) < 0) return -1;
  return 0;
}
