// The process that holds a pod's namespaces: it sleeps, reaps what is given to it, and ends when asked.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal)
{
        (void)signal;
        _exit(0);
}

static void reap(int signal)
{
        (void)signal;
        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
}

int main(void)
{
        (void)sigaction(SIGTERM, &(struct sigaction){ .sa_handler = end }, NULL);
        (void)sigaction(SIGINT, &(struct sigaction){ .sa_handler = end }, NULL);
        (void)sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = reap }, NULL);
        for (;;)
                (void)pause();
}
