/* Messages through Redis: what one pod publishes, all that subscribe hear. In all three modes; in a cluster any node will do.
 *
 *     subscription->channel = "supernova:live";                     // borrowed until redis_unsubscribe
 *     subscription->message = on_message;  subscription->joined = on_joined;
 *     redis_subscribe(redis, subscription);
 *     redis_publish(redis, "supernova:live", text, n, &error);
 *
 * At most once, and nothing of what was published while it was not connected: `joined` is called each time that hearing begins (anew), and is
 * when the state of the world is to be read again. All subscriptions share one connection of their own, which is made with the first and again,
 * with back-off, whenever it is lost; it is asked PING every SUBSCRIBER_PING_MS. Protocol: redis.io/docs/manual/pubsub.
 */
#pragma once

#include "store/redis.h"

enum { SUBSCRIBER_PING_MS = 2000 };

/* Embedded in who listens. */
struct redis_subscription {
  const char *channel;
  void (*message)(struct redis_subscription *subscription, const char *bytes, size_t n); /* may unsubscribe */
  void (*joined)(struct redis_subscription *subscription);                               /* NULL: nobody minds */
  struct redis_subscriber *subscriber;                                                   /* NULL: not subscribed */
  struct redis_subscription *next, **previous;
};

int redis_subscribe(struct redis *redis, struct redis_subscription *subscription, struct error *error) _must_check_; /* -1: no memory */
void redis_unsubscribe(struct redis_subscription *subscription); /* fine when not subscribed; before redis_free */

/* 0 when it was sent, -1 (ERROR_RETRY) while Redis is away. Nobody says whether it arrived. */
int redis_publish(struct redis *redis, const char *channel, const void *bytes, size_t n, struct error *error) _must_check_;
