#include "command/jwks_source.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/jwks-source-XXXXXX", path[64];

static void setup(void) {
  cr_assert_not_null(mkdtemp(directory));
  (void)snprintf(path, sizeof path, "%s/jwks.json", directory);
}

static void teardown(void) {
  (void)unlink(path);
  (void)rmdir(directory);
}

TestSuite(jwks_source, .init = setup, .fini = teardown);

static void write_set(const char *text) {
  FILE *file = fopen(path, "we");
  (void)fputs(text, file);
  (void)fclose(file);
}

Test(jwks_source, of_a_directory_it_is_no_failure_that_there_is_none) {
  struct jwks *keys = NULL;
  struct error error;
  cr_expect_eq(jwks_from(NULL, directory, &keys, &error), 0);
  cr_expect_null(keys);
  write_set("{\"keys\":[]}");
  cr_expect_eq(jwks_from(NULL, directory, &keys, &error), 0);
  cr_expect_eq(jwks_count(keys), 0);
  jwks_free(keys);
}

Test(jwks_source, what_was_asked_for_must_be_there_and_be_a_set) {
  struct jwks *keys = NULL;
  struct error error;
  cr_expect_eq(jwks_from(path, NULL, &keys, &error), -1);
  cr_expect_eq(error.kind, ERROR_NOT_FOUND);
  cr_expect_not_null(strstr(error.message, path), "%s", error.message);
  write_set("{\"keys\":");
  cr_expect_eq(jwks_from(path, NULL, &keys, &error), -1);
  cr_expect_eq(error.kind, ERROR_INVALID);
  cr_expect_eq(jwks_from("http://127.0.0.1:1/jwks.json", NULL, &keys, &error), -1);
  cr_expect_eq(error.kind, ERROR_RETRY, "%s", error.message);
  cr_expect_null(keys);
}
