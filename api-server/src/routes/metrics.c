#include "observe/metrics.h"

#include "observe/process.h"
#include "routes/app.h"
#include "routes/handlers.h"

void metrics_get(struct request *request) {
  struct app *app = app_of(request);
  struct buffer *body = request_scratch(request);
  process_measure(app->metrics);
  metrics_print(app->metrics, body);
  request_answer(request, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_text(body), body->len);
}
