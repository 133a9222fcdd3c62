/* How fast the API server takes server-side applies from a loop that does nothing else: the floor under any operator.
 *
 *     bare_apply URL CA.crt CLIENT.crt CLIENT.key NAMESPACE objects|stacks COUNT IN_FLIGHT
 *
 * objects: a ServiceAccount, a ConfigMap, a Deployment of 0 replicas and a Service, in turns. stacks: SupernovaStacks that want as little as they
 * can. All go over one HTTP/2 connection, IN_FLIGHT at once. Prints "COUNT SECONDS FAILED"; the exit status is 1 where one failed.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KINDS = 4, ARGUMENTS = 9, URL_SIZE = 512, BODY_SIZE = 1024, POLL_MS = 100 };

struct kind {
  const char *path, *body; /* of the namespace and the number; of the number */
};

static const struct kind objects[KINDS] = {
    {"/api/v1/namespaces/%s/serviceaccounts/bare-%d",
     "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{\"name\":\"bare-%1$d\"}}"},
    {"/api/v1/namespaces/%s/configmaps/bare-%d",
     "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"bare-%1$d\"},\"data\":{\"LOG_LEVEL\":\"info\"}}"},
    {"/apis/apps/v1/namespaces/%s/deployments/bare-%d",
     "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"bare-%1$d\"},\"spec\":{\"replicas\":0,"
     "\"selector\":{\"matchLabels\":{\"app\":\"bare-%1$d\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"bare-%1$d\"}},"
     "\"spec\":{\"containers\":[{\"name\":\"server\",\"image\":\"example/server:1\",\"ports\":[{\"containerPort\":3001}],"
     "\"readinessProbe\":{\"httpGet\":{\"path\":\"/healthz\",\"port\":3001}}}]}}}}"},
    {"/api/v1/namespaces/%s/services/bare-%d",
     "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"bare-%1$d\"},\"spec\":{\"selector\":{\"app\":\"bare-%1$d\"},"
     "\"ports\":[{\"port\":80,\"targetPort\":3001}]}}"},
};

static const struct kind stacks[1] = {
    {"/apis/platform.supernova.com/v1alpha1/namespaces/%s/supernovastacks/stack-%d",
     "{\"apiVersion\":\"platform.supernova.com/v1alpha1\",\"kind\":\"SupernovaStack\",\"metadata\":{\"name\":\"stack-%1$d\"},\"spec\":{"
     "\"environment\":\"development\",\"image\":{\"repository\":\"example/server\",\"tag\":\"1\"},\"replicas\":0,"
     "\"migrations\":{\"enabled\":false},\"redis\":{\"mode\":\"none\"}}}"},
};

struct work {
  const char *url, *namespace;
  const struct kind *kinds;
  int kind_count, total, next, done, failed;
};

struct request {
  CURL *easy;
  char url[URL_SIZE], body[BODY_SIZE];
};

static size_t discard(char *data, size_t size, size_t n, void *user) { return (void)data, (void)user, size * n; }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats are those of the tables above */
static void start(struct work *work, CURLM *multi, struct request *request) {
  char path[URL_SIZE / 2];
  int number = work->next / work->kind_count;
  const struct kind *kind = &work->kinds[work->next++ % work->kind_count];
  (void)snprintf(path, sizeof path, kind->path, work->namespace, number);
  (void)snprintf(request->url, sizeof request->url, "%s%s?fieldManager=bare&force=true", work->url, path);
  (void)snprintf(request->body, sizeof request->body, kind->body, number);
  curl_easy_setopt(request->easy, CURLOPT_URL, request->url);
  curl_easy_setopt(request->easy, CURLOPT_POSTFIELDS, request->body);
  curl_multi_add_handle(multi, request->easy);
}
#pragma GCC diagnostic pop

static CURL *make_easy(char **argv, struct curl_slist *headers, struct request *request) {
  CURL *easy = curl_easy_init();
  if (!easy) return NULL;
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PATCH");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_CAINFO, argv[2]);
  curl_easy_setopt(easy, CURLOPT_SSLCERT, argv[3]);
  curl_easy_setopt(easy, CURLOPT_SSLKEY, argv[4]);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  return easy;
}

/* Takes note of what has ended, and starts the next in its place. */
static void collect(struct work *work, CURLM *multi) {
  int left;
  for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
    struct request *request = NULL;
    long status = 0;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    work->failed += message->data.result || status >= 300;
    work->done++;
    curl_multi_remove_handle(multi, request->easy);
    if (work->next < work->total) start(work, multi, request);
  }
}

static double now_s(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run(struct work *work, char **argv, int width) {
  CURLM *multi = curl_multi_init();
  struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/apply-patch+yaml");
  struct request *requests = calloc((size_t)width, sizeof *requests);
  if (!multi || !headers || !requests) return 1;
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
  double began_s = now_s();
  for (int i = 0; i < width && work->next < work->total; i++) {
    if (!(requests[i].easy = make_easy(argv, headers, &requests[i]))) return 1;
    start(work, multi, &requests[i]);
  }
  while (work->done < work->total) {
    int running;
    curl_multi_perform(multi, &running);
    collect(work, multi);
    curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
  }
  (void)printf("%d %.3f %d\n", work->total, now_s() - began_s, work->failed);
  for (int i = 0; i < width; i++) curl_easy_cleanup(requests[i].easy);
  curl_multi_cleanup(multi);
  curl_slist_free_all(headers);
  free(requests);
  return work->failed != 0;
}

int main(int argc, char **argv) {
  int width = argc == ARGUMENTS ? atoi(argv[8]) : 0;
  if (width < 1) {
    (void)fprintf(stderr, "usage: bare_apply URL CA.crt CLIENT.crt CLIENT.key NAMESPACE objects|stacks COUNT IN_FLIGHT\n");
    return 2;
  }
  struct work work = {.url = argv[1], .namespace = argv[5], .kinds = objects, .kind_count = KINDS, .total = atoi(argv[7])};
  if (!strcmp(argv[6], "stacks")) work.kinds = stacks, work.kind_count = 1;
  curl_global_init(CURL_GLOBAL_ALL);
  int status = run(&work, argv, width);
  curl_global_cleanup();
  return status;
}
