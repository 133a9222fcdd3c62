/* Has the heads of all profiles signed each hour: by whichever worker of whichever replica comes first (the database sees to it that it is
 * one), with the key that signs tokens. What was signed is kept in the database and logged, so that a log that is kept elsewhere can
 * bear witness:
 *
 *     {"msg":"heads are signed","id":7,"hour":"2026-01-02T03:00:00.000Z","profiles":120,"digest":"91c0…","kid":"1760908689588","signature":"Zm9v…"}
 *
 * Asks once a minute, and goes on at once while there is more. Failures change nothing: the next minute asks again.
 *
 *     signer_start(&signer, loop, db, &schema_watch, &keys, metrics);
 */
#pragma once

#include "auth/keys.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "ledger/heads.h"
#include "net/loop.h"
#include "store/schema_watch.h"

enum { SIGNER_NAME_SIZE = 257, SIGNER_NUMBER_SIZE = 24 };

struct signer {
  struct db *db;
  const struct schema_watch *schema;
  const struct keys *keys;
  struct metrics *metrics;
  struct timer timer;
  struct db_query query;
  char upto[SIGNER_NAME_SIZE]; /* the profiles up to it are done */
  bool told;                   /* a failure was logged, and nothing has succeeded since */

  /* what was signed, until it is kept */
  char id[SIGNER_NUMBER_SIZE], hour[RFC3339_SIZE], kid[KID_SIZE], digest[SHA256_HEX_SIZE];
  char signature[RSA_MAX_BYTES / 3 * 4 + 8]; /* base64 */
  int64_t profiles;
};

/* KEYS may have no ring yet. Everything is borrowed. */
void signer_start(struct signer *signer, struct loop *loop, struct db *db, const struct schema_watch *schema, const struct keys *keys,
                  struct metrics *metrics);
void signer_stop(struct signer *signer); /* before the db goes; accepts one that is zeroed */
