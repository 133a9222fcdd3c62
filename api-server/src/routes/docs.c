/* GET /api/openapi.json and /docs: what this server serves, for programs and for people. */
#include "routes/docs.h"

#include "codec/base64.h"
#include "openapi/document.h"
#include "routes/call.h"
#include "routes/etag.h"
#include "routes/handlers.h"
#include "routes/routes.h"

#include <stdio.h>
#include <string.h>

/* docs.html, by embed.cmake. */
extern const char docs_page[], docs_page_end[];

void docs_done(struct docs *docs) { buffer_done(&docs->document); }

static int tag_of(const char *text, size_t n, char to[DOCS_ETAG_SIZE], struct error *error) {
  char hex[SHA256_HEX_SIZE];
  if (sha256_hex(text, n, hex) < 0) return error_oom(error);
  (void)snprintf(to, DOCS_ETAG_SIZE, "\"%s\"", hex);
  return 0;
}

/* ---- the document ---- */

static int make_document(struct docs *docs, const struct app *app, struct error *error) {
  bool development = app->settings->environment == ENVIRONMENT_DEVELOPMENT;
  if (docs->document.len) return 0;
  buffer_init(&docs->document, OPENAPI_MAX);
  if (openapi_write(development ? development_routes : routes, app->settings, &docs->document, error) == 0 &&
      tag_of(docs->document.data, docs->document.len, docs->document_etag, error) == 0)
    return 0;
  buffer_done(&docs->document);
  return -1;
}

void openapi_get(struct request *request) {
  struct app *app = app_of(request);
  struct docs *docs = &app->docs;
  struct error error;
  if (make_document(docs, app, &error) < 0)
    call_fail(request, &error);
  else
    etag_answer(request, docs->document_etag, "public, no-cache", "application/json", docs->document.data, docs->document.len);
}

/* ---- the page ---- */

/* 'sha256-…' of what stands between the tags (CSP Level 3, 2.3.1). */
static int put_hash(struct buffer *to, const char *page, const char *begin, const char *end, struct error *error) {
  const char *from = strstr(page, begin), *until = from ? strstr(from, end) : NULL;
  unsigned char digest[SHA256_BYTES];
  if (!until) return error_set(error, ERROR_BUG, "the page has no %s", begin);
  from += strlen(begin);
  if (sha256(from, (size_t)(until - from), digest) < 0) return error_oom(error);
  buffer_puts(to, "'sha256-");
  base64_encode(digest, sizeof digest, to);
  buffer_puts(to, "'");
  return 0;
}

int docs_policy(const char *page, char to[DOCS_POLICY_SIZE], struct error *error) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, DOCS_POLICY_SIZE - 1);
  buffer_puts(
      &text,
      "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src ");
  if (put_hash(&text, page, "<style>", "</style>", error) < 0) return -1;
  buffer_puts(&text, "; script-src ");
  if (put_hash(&text, page, "<script>", "</script>", error) < 0) return -1;
  if (text.failed) return error_oom(error);
  (void)snprintf(to, DOCS_POLICY_SIZE, "%s", buffer_text(&text));
  return 0;
}

static int make_page(struct docs *docs, struct error *error) {
  if (*docs->page_etag) return 0;
  if (docs_policy(docs_page, docs->policy, error) < 0) return -1;
  return tag_of(docs_page, (size_t)(docs_page_end - docs_page), docs->page_etag, error);
}

void docs_get(struct request *request) {
  struct docs *docs = &app_of(request)->docs;
  struct error error;
  if (make_page(docs, &error) < 0) {
    call_fail(request, &error);
    return;
  }
  request_field(request, "Content-Security-Policy", docs->policy);
  request_field(request, "Referrer-Policy", "no-referrer");
  etag_answer(request, docs->page_etag, "public, no-cache", "text/html; charset=utf-8", docs_page, (size_t)(docs_page_end - docs_page));
}
