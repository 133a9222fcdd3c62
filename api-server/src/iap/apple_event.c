#include "iap/apple_event.h"

#include "base/log.h"
#include "store/statements.h"

#include <string.h>

/* The columns after iap_apply's. */
enum { PARAMETER_ACCOUNT = 5, PARAMETER_BARE, PARAMETER_REVERSED };

int apple_apply(struct db_query *query, const struct purchase *seen, const struct purchase_claim *claim, bool bare, bool reversed,
                struct arena *arena, struct error *error) {
  char *account = NULL;
  if (purchase_apply(query, seen, claim, arena, error) < 0) return -1;
  if (claim->profile && (!(account = arena_alloc(arena, UUID_SIZE)) || apple_account(claim->profile, account) < 0)) return error_oom(error);
  query->statement = STATEMENT_APPLE_APPLY;
  db_parameter(query, PARAMETER_ACCOUNT, account);
  db_parameter(query, PARAMETER_BARE, bare ? "true" : "false");
  db_parameter(query, PARAMETER_REVERSED, reversed ? "true" : "false");
  return 0;
}

static void note(struct apple_event *event) {
  const char *values[] = {"apple", event->id, event->sha256, "noted", NULL};
  event->query.statement = STATEMENT_WEBHOOK_NOTE;
  for (unsigned i = 0; i < ELEMENTS(values); i++) db_parameter(&event->query, i, values[i]);
}

static int disagree(struct error *error) {
  return error_set(error, ERROR_INVALID, "the notification and what it holds are about different purchases");
}

static int read_renewal(struct apple *apple, const struct apple_notification *notification, const struct apple_transaction *transaction,
                        cJSON **ret_payload, struct apple_renewal *ret, struct error *error) {
  if (apple_verify(apple, notification->renewal, ret_payload, error) < 0 || apple_renewal_read(*ret_payload, ret, error) < 0) return -1;
  bool same = !strcmp(ret->token, transaction->token) && !strcmp(ret->environment, transaction->environment);
  return same ? 0 : disagree(error);
}

static int apply(struct apple *apple, const struct apple_notification *notification, const struct apple_rule *rule, const char *text,
                 struct arena *arena, struct apple_event *event, struct error *error) {
  _cleanup_(json_freep) cJSON *payload = NULL;
  _cleanup_(json_freep) cJSON *renewal_payload = NULL;
  struct apple_transaction transaction;
  struct apple_renewal renewal;
  if (apple_transaction_verify(apple, notification->transaction, &payload, &transaction, error) < 0) return -1;
  if (!notification->environment || strcmp(notification->environment, transaction.environment) != 0) return disagree(error);
  if (notification->renewal && read_renewal(apple, notification, &transaction, &renewal_payload, &renewal, error) < 0) return -1;
  struct purchase seen = apple_purchase_notified(notification, rule, &transaction, notification->renewal ? &renewal : NULL);
  struct purchase_claim claim = {.event = event->id, .event_sha256 = event->sha256, .event_payload = text};
  return apple_apply(&event->query, &seen, &claim, false, rule->effect == APPLE_REVERSED, arena, error);
}

int apple_event_read(struct apple *apple, const char *text, struct arena *arena, struct apple_event *ret, struct error *error) {
  _cleanup_(json_freep) cJSON *payload = NULL;
  struct apple_notification notification;
  *ret = (struct apple_event){0};
  if (apple_verify(apple, text, &payload, error) < 0 || apple_notification_read(payload, &apple->us, &notification, error) < 0) return -1;
  ret->id = arena_strdup(arena, notification.id);
  ret->type = arena_strdup(arena, notification.type);
  ret->subtype = arena_strdup(arena, notification.subtype);
  if (!ret->id || !ret->type || !ret->subtype || sha256_hex(text, strlen(text), ret->sha256) < 0) return error_oom(error);
  const struct apple_rule *rule = apple_rule_find(notification.type, notification.subtype);
  if (rule->effect != APPLE_NOTED && notification.transaction) return apply(apple, &notification, rule, text, arena, ret, error);
  note(ret);
  return 0;
}

static const char *outcome_of(struct apple *apple, const struct apple_event *event, const char *via, const PGresult *result,
                              struct error *error) {
  struct purchase_outcome outcome;
  if (event->query.statement == STATEMENT_WEBHOOK_NOTE) return db_bool(result, 0, 0) ? "noted" : "duplicate";
  if (purchase_read(result, &outcome, error) < 0) return NULL;
  purchase_count(apple->metrics, "apple", via, outcome.result);
  return purchase_result_name(outcome.result);
}

const char *apple_event_outcome(struct apple *apple, const struct apple_event *event, const char *via, const PGresult *result,
                                struct error *error) {
  const char *outcome = outcome_of(apple, event, via, result, error);
  if (!outcome) return NULL;
  enum log_level level = !strcmp(outcome, "unknown_product") ? LOG_ERROR : !strcmp(outcome, "duplicate") ? LOG_DEBUG : LOG_INFO;
  log_line(level, "a notification was heard", log_str("store", "apple"), log_str("via", via), log_str("outcome", outcome),
           log_str("type", event->type), log_str("subtype", event->subtype), log_str("id", event->id));
  return outcome;
}
