/* Whether purchases can be sold: keys that can be used, and what is missing. */
#include "base/buffer.h"
#include "check/check.h"
#include "iap/apple.h"
#include "iap/google_token.h"

static int try_keys(const struct settings *settings, struct error *error) {
  struct google_tokens tokens;
  struct apple apple;
  if (google_tokens_init(&tokens, settings, NULL, error) < 0) return -1;
  google_tokens_done(&tokens);
  if (apple_init(&apple, settings, NULL, NULL, error) < 0) return -1;
  apple_done(&apple);
  return 0;
}

/* Without them nobody's purchase is lost: what needs them answers 503. */
void check_stores(struct checkup *checkup, struct check_finding *ret) {
  const struct settings *s = &checkup->settings;
  const struct {
    const char *name;
    bool set;
  } needed[] = {{"GOOGLE_SERVICE_ACCOUNT_KEY", s->google_service_account_key},
                {"GOOGLE_PUSH_AUDIENCE", s->google_push_audience},
                {"GOOGLE_PUSH_EMAIL", s->google_push_email},
                {"APPLE_APP_ID", s->apple_app_id},
                {"APPLE_ISSUER_ID", s->apple_issuer_id},
                {"APPLE_KEY_ID", s->apple_key_id},
                {"APPLE_PRIVATE_KEY", s->apple_private_key}};
  struct error error;
  if (try_keys(s, &error) < 0) {
    check_fail(ret, &error, "set it as the store's console gave it out");
    return;
  }
  _cleanup_buffer_ struct buffer list;
  buffer_init(&list, sizeof ret->sentence);
  for (size_t i = 0; i < ELEMENTS(needed); i++)
    if (!needed[i].set) buffer_printf(&list, "%s%s", list.len ? ", " : "", needed[i].name);
  if (list.len)
    check_tell(ret, CHECK_NOTE, "what asks the stores, or hears them, answers 503 without %s", buffer_text(&list));
  else
    check_tell(ret, CHECK_OK, "the keys for Google and the App Store can be used");
}
