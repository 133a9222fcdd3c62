/* GET /metrics, as whoever scrapes prefers it: Prometheus' own text, or OpenMetrics. */
#include "observe/metrics.h"

#include "http/accept.h"
#include "observe/process.h"
#include "routes/app.h"
#include "routes/handlers.h"

void metrics_get(struct request *request) {
  static const char *const types[] = {[METRICS_PROMETHEUS] = "text/plain", [METRICS_OPENMETRICS] = "application/openmetrics-text"};
  static const char *const whole[] = {[METRICS_PROMETHEUS] = "text/plain; version=0.0.4; charset=utf-8",
                                      [METRICS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8"};
  struct app *app = app_of(request);
  struct buffer *body = request_scratch(request);
  int chosen = accept_choose(&request->head, types, ELEMENTS(types));
  enum metrics_format format = chosen == METRICS_OPENMETRICS ? METRICS_OPENMETRICS : METRICS_PROMETHEUS;
  process_measure(app->metrics);
  metrics_print(app->metrics, format, body);
  request_field(request, "Vary", "Accept");
  request_answer(request, 200, whole[format], buffer_text(body), body->len);
}
