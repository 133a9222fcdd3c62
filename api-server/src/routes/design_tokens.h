/* Which design tokens (W3C Design Tokens Format) are in force: the newest posted set, or, until one is posted, those in the mounted file, which is
 * read again when it changes.
 *
 * What was posted is in the database. A worker holds the newest set that it has seen, and asks whether there is a newer one, with one small
 * query: for each GET, and by design_tokens_look where somebody listens to changes. So all replicas answer alike.
 *
 *     design_tokens_query(&tokens, &own->asked);               // done, db_submit as for each query
 *     ... on_done: design_tokens_take(&tokens, &own->asked, result, &error);
 *     struct design_tokens_set set = design_tokens_in_force(&tokens);
 */
#pragma once

#include "base/buffer.h"
#include "crypto/digest.h"
#include "settings/dir_watch.h"
#include "store/db.h"

enum { DESIGN_TOKENS_MAX = 2 * 1024 * 1024, DESIGN_TOKENS_ETAG_SIZE = SHA256_HEX_SIZE + 2 };

/* Borrowed until the next change; without text there are none. */
struct design_tokens_set {
  const char *text, *etag;
  size_t len;
};

struct design_tokens_query {
  struct db_query query;
  int64_t held; /* when it was asked */
  char text[24];
};

struct design_tokens {
  struct db *db;
  bool known; /* the database has answered once */

  /* Other ones are in force; may be NULL. */
  void (*changed)(void *owner);
  void *owner;

  /* its own */
  struct buffer mounted, posted;
  char mounted_etag[DESIGN_TOKENS_ETAG_SIZE], posted_etag[DESIGN_TOKENS_ETAG_SIZE];
  int64_t version; /* of what was posted; 0: nothing */
  struct design_tokens_query looking;
  bool again; /* somebody wants to know, and what is under way was asked before */
  struct timer retry;
  const char *file;
  char directory[4001];
  struct dir_watch watch;
  char failure[480];
};

/* FILE is borrowed, DB, CHANGED and OWNER are set before. That there is no file, or a malformed one, is no failure: the last good one stays. */
int design_tokens_start(struct design_tokens *tokens, struct loop *loop, const char *file, struct error *error) _must_check_;
void design_tokens_stop(struct design_tokens *tokens); /* accepts one that is zeroed; before the db ends */

struct design_tokens_set design_tokens_in_force(const struct design_tokens *tokens);

/* What live clients are told of them: {"etag":"…"}; 0 where there are none. */
enum { DESIGN_TOKENS_EVENT_SIZE = DESIGN_TOKENS_ETAG_SIZE + 16 };
size_t design_tokens_event(const struct design_tokens *tokens, char to[DESIGN_TOKENS_EVENT_SIZE]);

/* Asks whether there is a newer set, until it is known. */
void design_tokens_look(struct design_tokens *tokens);

void design_tokens_query(const struct design_tokens *tokens, struct design_tokens_query *asked);
int design_tokens_take(struct design_tokens *tokens, const struct design_tokens_query *asked, const PGresult *result,
                       struct error *error) _must_check_;
