#include "store/seed.h"

#include "base/log.h"
#include "store/job.h"

#include <stdio.h>

static int run_seed(PGconn *conn, const struct sql_file *file, struct job_place *place, struct error *error) {
  log_info("seed begins", log_str("file", file->name));
  if (job_run(conn, "BEGIN", 0, NULL, NULL, error) < 0 || job_run_file(conn, file, place, error) < 0) return -1;
  return job_run(conn, "COMMIT", 0, NULL, NULL, error);
}

static int run_seeds(PGconn *conn, struct job_place *place, struct error *error) {
  if (job_lock(conn, error) < 0 || job_check_schema(conn, schema_of_image(), error) < 0) return -1;
  for (size_t i = 0; i < seed_file_count; i++)
    if (run_seed(conn, &seed_files[i], place, error) < 0) return -1;
  log_info("seeds are in", log_int("files", (int64_t)seed_file_count));
  return 0;
}

int seed_main(int argc, char **argv) {
  (void)argv;
  if (argc != 1) {
    fprintf(stderr, "usage: supernova-server seed\n");
    return JOB_USAGE;
  }
  struct error error = {0};
  struct job_place place = {0};
  PGconn *conn = NULL;
  int status = JOB_DONE;
  if (job_connect(&conn, &error) < 0 || run_seeds(conn, &place, &error) < 0) status = job_failed("seeding failed", &error, place);
  job_disconnect(&conn);
  if (status == JOB_DONE) job_leave_message("{\"seeded\":true}\n");
  return status;
}
