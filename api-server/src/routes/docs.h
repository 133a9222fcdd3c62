/* What a worker keeps of its OpenAPI document and of the page that shows it: both are made when they are first asked for. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "crypto/digest.h"

enum { DOCS_ETAG_SIZE = SHA256_HEX_SIZE + 2, DOCS_POLICY_SIZE = 512 };

struct docs {
  struct buffer document; /* empty: not made yet */
  char document_etag[DOCS_ETAG_SIZE];
  char page_etag[DOCS_ETAG_SIZE]; /* "": not made yet */
  char policy[DOCS_POLICY_SIZE];  /* the page's Content-Security-Policy: its own style and script, by their hashes, and nothing else */
};

void docs_done(struct docs *docs); /* accepts one that is zeroed */

/* The policy for PAGE, which has one <style> and one <script>. */
int docs_policy(const char *page, char to[DOCS_POLICY_SIZE], struct error *error) _must_check_;
