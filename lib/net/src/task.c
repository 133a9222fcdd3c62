#include "loop_internal.h"

/* `previous` points at whatever points at the task, so that one leaves the list without a walk; NULL: not scheduled. */

void task_init(struct task *task, struct loop *loop, void (*run)(struct task *)) { *task = (struct task){.loop = loop, .run = run}; }

void task_schedule(struct task *task) {
  if (task->previous) return;
  struct loop *loop = task->loop;
  task->next = NULL;
  task->previous = loop->tasks_end;
  *loop->tasks_end = task;
  loop->tasks_end = &task->next;
  if (!loop->in_turn) timers_arm(loop);
}

void task_stop(struct task *task) {
  if (!task->previous) return;
  *task->previous = task->next;
  if (task->next)
    task->next->previous = task->previous;
  else
    task->loop->tasks_end = task->previous;
  task->next = NULL;
  task->previous = NULL;
}

/* Runs what is scheduled now; what these schedule comes in the next turn, which does not sleep: descriptors and timers get their share. */
void tasks_run(struct loop *loop) {
  struct task end = {.loop = loop};
  if (!loop->tasks) return;
  task_schedule(&end);
  for (struct task *task; (task = loop->tasks) != &end;) {
    task_stop(task);
    task->run(task);
  }
  task_stop(&end);
}
