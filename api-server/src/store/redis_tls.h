/* TLS to Redis (rediss://): OpenSSL over a socket that doesn't block.
 *
 * At least TLS 1.2. The server's certificate must come from an authority that the system trusts (OpenSSL's own places; the variables SSL_CERT_FILE
 * and SSL_CERT_DIR name others) and must be for the host that was dialled: its DNS name, or its address where no name is known. We show
 * no certificate of our own: the server needs `tls-auth-clients no` or `optional`.
 *
 * What was dialled is what Sentinel and Cluster name: addresses, unless they are told to announce host names (resolve-hostnames and
 * announce-hostnames; cluster-announce-hostname and cluster-preferred-endpoint-type). The certificate must hold that.
 *
 * OpenSSL writes with write(2): the program ignores SIGPIPE.
 */
#pragma once

#include "base/error.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One for all connections. NULL where OpenSSL has no trust to offer. */
SSL_CTX *redis_tls_new(struct error *error);

/* A client's session over FD, which stays the caller's; freed with SSL_free before FD is closed. NULL: no memory, or HOST can't be checked. */
SSL *redis_tls_open(SSL_CTX *context, int fd, const char *host, struct error *error);

enum redis_tls_state { REDIS_TLS_DONE, REDIS_TLS_WANTS_READ, REDIS_TLS_WANTS_WRITE, REDIS_TLS_FAILED };

/* One more step. FAILED with a sentence that says what is wrong with the certificate, if that is it. */
enum redis_tls_state redis_tls_shake(SSL *ssl, struct error *error);

/* As send(2) and recv(2) on a socket that doesn't block: -1 with errno, EAGAIN when it would. */
ssize_t redis_tls_write(SSL *ssl, const void *bytes, size_t n);
ssize_t redis_tls_read(SSL *ssl, void *bytes, size_t n);
