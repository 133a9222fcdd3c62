#include "store/redis_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

SSL_CTX *redis_tls_new(struct error *error) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (!context) return error_oom(error), NULL;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  (void)SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 && SSL_CTX_set_default_verify_paths(context) == 1) return context;
  SSL_CTX_free(context);
  ERR_clear_error();
  error_set(error, ERROR_TERMINAL, "the system's certificate authorities can't be read");
  return NULL;
}

static bool is_address(const char *host) {
  unsigned char bytes[sizeof(struct in6_addr)];
  return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

SSL *redis_tls_open(SSL_CTX *context, int fd, const char *host, struct error *error) {
  SSL *ssl = SSL_new(context);
  if (!ssl) return error_oom(error), NULL;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  bool address = is_address(host);
  int named = address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) : SSL_set1_host(ssl, host);
  if (named != 1 || (!address && SSL_set_tlsext_host_name(ssl, host) != 1) || SSL_set_fd(ssl, fd) != 1) {
    SSL_free(ssl);
    ERR_clear_error();
    error_set(error, ERROR_RETRY, "TLS to Redis can't be prepared");
    return NULL;
  }
  SSL_set_connect_state(ssl);
  return ssl;
}

static void explain(SSL *ssl, struct error *error) {
  long verdict = SSL_get_verify_result(ssl);
  unsigned long code = ERR_peek_last_error();
  if (verdict != X509_V_OK)
    error_set(error, ERROR_RETRY, "Redis' certificate is not accepted: %s", X509_verify_cert_error_string(verdict));
  else if (code)
    error_set(error, ERROR_RETRY, "TLS to Redis fails: %s", ERR_reason_error_string(code) ? ERR_reason_error_string(code) : "no reason");
  else
    error_set(error, ERROR_RETRY, "TLS to Redis fails: the connection was closed");
}

enum redis_tls_state redis_tls_shake(SSL *ssl, struct error *error) {
  ERR_clear_error();
  int result = SSL_do_handshake(ssl);
  if (result == 1) return REDIS_TLS_DONE;
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ: return REDIS_TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE: return REDIS_TLS_WANTS_WRITE;
    default: explain(ssl, error); return REDIS_TLS_FAILED;
  }
}

/* RESULT of SSL_read or SSL_write as recv(2) or send(2) would tell it. */
static ssize_t tell(SSL *ssl, int result) {
  if (result > 0) return result;
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
    case SSL_ERROR_SYSCALL: errno = errno ? errno : ECONNRESET; return -1;
    default: errno = EPROTO; return -1;
  }
}

static int limited(size_t n) { return n > INT_MAX ? INT_MAX : (int)n; }

ssize_t redis_tls_write(SSL *ssl, const void *bytes, size_t n) {
  ERR_clear_error();
  errno = 0;
  return tell(ssl, SSL_write(ssl, bytes, limited(n)));
}

ssize_t redis_tls_read(SSL *ssl, void *bytes, size_t n) {
  ERR_clear_error();
  errno = 0;
  return tell(ssl, SSL_read(ssl, bytes, limited(n)));
}
