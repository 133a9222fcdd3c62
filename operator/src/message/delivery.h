/* How the sending of one message came out, from the courier (courier.h) to the next round (outbox.h). Kept in memory: when it is lost, the message is
 * sent again. */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

enum { DELIVERY_WORDS_SIZE = 480 /* all that struct error can say */ };

struct delivery {
  enum { DELIVERY_NONE, DELIVERY_UNDER_WAY, DELIVERY_TAKEN, DELIVERY_FAILED, DELIVERY_REFUSED /* for good */ } state;
  char id[48];                     /* of the entry */
  int64_t attempt;                 /* its number, from 1 */
  int64_t retry_after_ms;          /* the receiver asked for that much; 0: it did not */
  char words[DELIVERY_WORDS_SIZE]; /* of FAILED and REFUSED: why, without address or key */
};
