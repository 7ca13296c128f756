// Times commands by the time-stamp counter, which in tests/bench/tools counts instructions:
//
//   stopwatch NAME COMMAND...
//     BENCH NAME TICKS: until the command has ended
//   stopwatch -u FILE TEXT NAME COMMAND...
//     and BENCH NAME_until TICKS: until FILE has a line with TEXT behind what it had before
//   stopwatch -i FILE NAME COMMAND...
//     and BENCH NAME_first TICKS: until the guest (tests/guests/idle) whose console is logged in
//     FILE got its first instruction
//
// The status is the command's. The last two wait at most a minute.
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define IDLE    "IDLE first instruction at "
#define SECONDS 60

static char text[1 << 20];

static long size_of(const char *path)
{
    struct stat status;

    return stat(path, &status) ? 0 : (long)status.st_size;
}

// The first line behind `from` in the file that begins so; NULL if there is none yet.
static const char *line_in(const char *path, long from, const char *begin)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : pread(fd, text, sizeof(text) - 1, from);
    const char *at;

    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    at = strstr(text, begin);
    return at && strchr(at, '\n') ? at : NULL;
}

static const char *wait_for(const char *path, long from, const char *begin)
{
    const char *line = NULL;

    for (int i = 0; i < SECONDS * 200 && !line; i++) {
        line = line_in(path, from, begin);
        if (!line)
            poll(NULL, 0, 5);
    }
    if (!line)
        fprintf(stderr, "stopwatch: no '%s' in %s within %d s\n", begin, path, SECONDS);
    return line;
}

static int run(char **command)
{
    int status;
    pid_t child = fork();

    if (!child) {
        int null = open("/dev/null", O_WRONLY);

        dup2(null, STDOUT_FILENO);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return 126;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}

int main(int argc, char **argv)
{
    const char *file = NULL, *begin = NULL, *line;
    unsigned long long start, end;
    int at = 1, status;
    long from;

    if (argc > 4 && !strcmp(argv[1], "-u")) {
        file = argv[2];
        begin = argv[3];
        at = 4;
    } else if (argc > 3 && !strcmp(argv[1], "-i")) {
        file = argv[2];
        at = 3;
    }
    if (argc < at + 2) {
        fprintf(stderr, "usage: stopwatch [-u FILE TEXT | -i FILE] NAME COMMAND...\n");
        return 2;
    }
    from = file ? size_of(file) : 0;
    start = __builtin_ia32_rdtsc();
    status = run(argv + at + 1);
    end = __builtin_ia32_rdtsc();
    printf("BENCH %s %llu\n", argv[at], end - start);
    if (file && !status) {
        line = wait_for(file, from, begin ? begin : IDLE);
        end = begin ? __builtin_ia32_rdtsc() : line ? strtoull(line + strlen(IDLE), NULL, 10) : 0;
        status = line ? 0 : 124;
        if (line)
            printf("BENCH %s_%s %llu\n", argv[at], begin ? "until" : "first", end - start);
    }
    return status;
}
