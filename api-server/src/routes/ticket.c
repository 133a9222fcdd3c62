/* POST /auth/ticket: what an EventSource or a WebSocket puts into its address, since it can't send fields. Good once, for a minute. */
#include "auth/seal.h"
#include "base/clock.h"
#include "routes/call.h"
#include "routes/handlers.h"

#include <inttypes.h>

enum { TICKET_S = 60 };

void ticket_post(struct request *request) {
  const struct app *app = app_of(request);
  const struct principal *who = &call_of(request)->who;
  struct buffer *body = request_scratch(request);
  int64_t now_s = clock_real_ms() / 1000;
  struct sealed ticket = {.sub = who->sub, .kid = who->kid, .sid = who->sid, .roles = who->roles, .exp_s = now_s + TICKET_S};
  ticket.until_s = who->until_s;
  random_id(ticket.id);
  buffer_puts(body, "{\"ok\":true,\"ticket\":\"");
  if (seal(&app->secrets, SEAL_TICKET, now_s, &ticket, body) < 0) {
    request_refuse(request, PROBLEM_FORBIDDEN, "The token's subject is too long for a ticket.");
    return;
  }
  buffer_printf(body, "\",\"exp\":%" PRId64 "}", ticket.exp_s);
  request_field(request, "Cache-Control", "no-store");
  request_answer(request, 200, "application/json", body->data, body->len);
}
