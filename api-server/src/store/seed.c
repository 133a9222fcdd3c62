#include "store/seed.h"

#include "base/log.h"
#include "store/job.h"

#include <stdio.h>

static int run_seed(struct job *job, const struct sql_file *file, struct job_place *place, struct error *error) {
  log_info("seed begins", log_str("file", file->name));
  if (job_begin(job, error) < 0 || job_run_file(job, file, NULL, place, error) < 0) return -1;
  return job_commit(job, error);
}

static int run_seeds(struct job *job, struct job_place *place, struct error *error) {
  if (job_lock(job, error) < 0 || job_check_schema(job, schema_of_image(), error) < 0) return -1;
  for (size_t i = 0; i < seed_file_count; i++)
    if (run_seed(job, &seed_files[i], place, error) < 0) return -1;
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
  struct job job = {0};
  int status = JOB_DONE;
  if (job_connect(&job, &error) < 0 || run_seeds(&job, &place, &error) < 0) status = job_failed("seeding failed", &error, place, "");
  job_disconnect(&job);
  if (status == JOB_DONE) job_leave_message("{\"seeded\":true}\n");
  return status;
}
