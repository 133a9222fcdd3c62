/* One message in the shape that its receiver wants: where it goes, its headers and its body. Pure.
 *
 * slack      Incoming webhook: `text` for notifications, `blocks` for what is shown (a header of at most 150 characters, a section of at most 3,000);
 *            '&', '<' and '>' are escaped, so that no words can address a channel. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
 *            https://docs.slack.dev/reference/block-kit/blocks/header-block
 * pagerduty  Events API v2. A failure triggers an alert, the end of a release or rollback resolves it (one dedup_key a stack); everything else is a change
 *            event, which pages nobody. https://developer.pagerduty.com/docs/events-api-v2/trigger-events,
 *            https://developer.pagerduty.com/docs/events-api-v2/send-change-events
 * webhook    CloudEvents 1.0.2, JSON event format in structured content mode (https://github.com/cloudevents/spec, json-format.md 3 and
 *            http-protocol-binding.md 3.2), signed as Standard Webhooks say (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md):
 *            webhook-id, webhook-timestamp, webhook-signature "v1,<base64 of HMAC-SHA256 over id.timestamp.body>"; the key is what stands
 *            behind whsec_, in base64, 24 to 64 bytes.
 */
#pragma once

#include "base/buffer.h"
#include "codec/json.h"
#include "stack/notification.h"

struct letter {
  const char *namespace, *stack;
  const cJSON *entry; /* of status.outbox */
  const char *type;   /* of the receiver */
};

/* What its Secret holds: secrets both, as they stand there. */
struct envelope_secret {
  const char *address; /* a URL, or PagerDuty's routing key */
  const char *signing; /* NULL: none */
};

enum { ENVELOPE_HEADERS_MAX = 5 };

struct envelope {
  struct buffer url;
  struct buffer headers[ENVELOPE_HEADERS_MAX]; /* "Name: value" each, empty from the last on */
  struct buffer body;
};

/* PAGERDUTY_URL: of the Events API, "https://events.pagerduty.com". -1 with a sentence for an event, which holds nothing of the Secret. RET is to be
 * done with in both cases. */
int envelope_make(const struct letter *letter, const struct envelope_secret *secret, const char *pagerduty_url, int64_t now_ms,
                  struct envelope *ret, struct error *error) _must_check_;
void envelope_done(struct envelope *envelope);
