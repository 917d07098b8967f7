#include "harness/net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/memory.h"

extern char **environ;

#define STREAMS_LINGER_US SECONDS(1)

struct pipe_end {
    struct watch watch; /* fd -1: closed */
    struct process *process;
    struct buffer bytes;
};

struct process {
    struct real_driver *driver;
    process_done *done;
    void *owner;
    pid_t pid;
    struct watch ended; /* a pidfd; -1: it has ended */
    struct pipe_end streams[2];
    struct timer linger;
    size_t output_bytes_max;
    int exit_code;
};

static void close_watch(struct process *process, struct watch *watch)
{
    if (watch->fd >= 0) {
        real_driver_unwatch(process->driver, watch);
        close(watch->fd);
        watch->fd = -1;
    }
}

static void tell(void *owner)
{
    struct process *process = owner;
    world_cancel(real_driver_world(process->driver), &process->linger);
    close_watch(process, &process->streams[0].watch);
    close_watch(process, &process->streams[1].watch);
    const struct process_end end = {.exit_code = process->exit_code,
                                    .output = &process->streams[0].bytes,
                                    .errors = &process->streams[1].bytes};
    process->done(process->owner, &end);
}

static void tell_when_over(struct process *process)
{
    struct world *world = real_driver_world(process->driver);
    if (process->ended.fd >= 0) {
        return;
    }
    bool closed = process->streams[0].watch.fd < 0 && process->streams[1].watch.fd < 0;
    /* Through a timer, so that nobody is told from within its own call. */
    world_arm_in(world, &process->linger, closed ? 0 : STREAMS_LINGER_US);
}

static void on_output(void *owner, uint32_t events)
{
    (void)events;
    struct pipe_end *stream = owner;
    struct process *process = stream->process;
    char piece[8192];
    for (;;) {
        ssize_t got = read(stream->watch.fd, piece, sizeof piece);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (got <= 0) {
            close_watch(process, &stream->watch);
            tell_when_over(process);
            return;
        }
        size_t room = process->output_bytes_max - stream->bytes.size;
        buffer_append(&stream->bytes, piece, (size_t)got < room ? (size_t)got : room);
    }
}

static void on_end(void *owner, uint32_t events)
{
    (void)events;
    struct process *process = owner;
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) {
        return;
    }
    process->exit_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    close_watch(process, &process->ended);
    tell_when_over(process);
}

/* ---- Starting ---- */

/* Ours with the changes, NULL at the end; the texts are borrowed. */
static char **make_environment(const char *const *changes)
{
    size_t ours = 0, wanted = 0;
    while (environ[ours] != NULL) {
        ours++;
    }
    while (changes != NULL && changes[wanted] != NULL) {
        wanted++;
    }
    char **out = memory_new_array(ours + wanted + 1, sizeof *out);
    size_t count = 0;
    for (size_t i = 0; i < ours; i++) {
        size_t name = strcspn(environ[i], "=");
        bool changed = false;
        for (size_t k = 0; k < wanted && !changed; k++) {
            changed =
                strcspn(changes[k], "=") == name && strncmp(changes[k], environ[i], name) == 0;
        }
        if (!changed) {
            out[count++] = environ[i];
        }
    }
    for (size_t k = 0; k < wanted; k++) {
        if (strchr(changes[k], '=') != NULL) {
            out[count++] = (char *)changes[k];
        }
    }
    return out;
}

static int spawn(struct process *process, const struct process_settings *settings, const int output,
                 const int errors)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT); /* we may have them blocked or ignored */
    sigaddset(&defaults, SIGTERM);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    if (settings->directory != NULL) {
        posix_spawn_file_actions_addchdir_np(&actions, settings->directory);
    }
    char **environment = make_environment(settings->environment);
    int code = posix_spawnp(&process->pid, settings->arguments[0], &actions, &attributes,
                            (char *const *)settings->arguments, environment);
    free(environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

static bool watch_it(struct process *process, const int pipes[2][2], struct error *error)
{
    process->ended = (struct watch){.ready = on_end, .owner = process, .fd = -1};
    for (int i = 0; i < 2; i++) {
        process->streams[i] = (struct pipe_end){
            .watch = {.ready = on_output, .owner = &process->streams[i], .fd = pipes[i][0]},
            .process = process};
        fcntl(pipes[i][0], F_SETFL, O_NONBLOCK);
        if (!real_driver_watch(process->driver, &process->streams[i].watch, EPOLLIN)) {
            return error_set(error, "epoll: %s", strerror(errno));
        }
    }
    int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (fd < 0) {
        return error_set(error, "pidfd_open: %s", strerror(errno));
    }
    process->ended.fd = fd;
    return real_driver_watch(process->driver, &process->ended, EPOLLIN) ||
           error_set(error, "epoll: %s", strerror(errno));
}

struct process *process_start(struct real_driver *driver, const struct process_settings *settings,
                              process_done *done, void *owner, struct error *error)
{
    int pipes[2][2];
    if (pipe2(pipes[0], O_CLOEXEC) != 0) {
        error_set(error, "pipe: %s", strerror(errno));
        return NULL;
    }
    if (pipe2(pipes[1], O_CLOEXEC) != 0) {
        error_set(error, "pipe: %s", strerror(errno));
        close(pipes[0][0]);
        close(pipes[0][1]);
        return NULL;
    }
    struct process *process = memory_new(sizeof *process);
    *process = (struct process){.driver = driver,
                                .done = done,
                                .owner = owner,
                                .output_bytes_max = settings->output_bytes_max > 0
                                                        ? settings->output_bytes_max
                                                        : 1024 * 1024};
    timer_init(&process->linger, tell, process);
    int code = spawn(process, settings, pipes[0][1], pipes[1][1]);
    close(pipes[0][1]);
    close(pipes[1][1]);
    if (code != 0) {
        error_set(error, "%s: %s", settings->arguments[0], strerror(code));
        close(pipes[0][0]);
        close(pipes[1][0]);
        free(process);
        return NULL;
    }
    if (!watch_it(process, (const int(*)[2])pipes, error)) {
        process_destroy(process);
        return NULL;
    }
    return process;
}

void process_signal(struct process *process, int signal)
{
    if (process->ended.fd >= 0) {
        kill(-process->pid, signal);
    }
}

const struct buffer *process_output(const struct process *process)
{
    return &process->streams[0].bytes;
}

void process_destroy(struct process *process)
{
    if (process == NULL) {
        return;
    }
    if (process->ended.fd >= 0) {
        kill(-process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
    }
    world_cancel(real_driver_world(process->driver), &process->linger);
    close_watch(process, &process->ended);
    for (int i = 0; i < 2; i++) {
        close_watch(process, &process->streams[i].watch);
        buffer_free(&process->streams[i].bytes);
    }
    free(process);
}

/* ---- Words ---- */

/* Read one word from `text` into `word`; returns what follows, NULL when a quote does not end. */
static const char *read_word(const char *text, struct buffer *word)
{
    char quote = '\0';
    for (; *text != '\0' && (quote != '\0' || strchr(" \t\n", *text) == NULL); text++) {
        if (quote == '\0' && (*text == '\'' || *text == '"')) {
            quote = *text;
        } else if (quote != '\0' && *text == quote) {
            quote = '\0';
        } else if (*text == '\\' && quote != '\'' && text[1] != '\0') {
            buffer_append_char(word, *++text);
        } else {
            buffer_append_char(word, *text);
        }
    }
    return quote == '\0' ? text : NULL;
}

char **process_words(const char *text, struct error *error)
{
    char **words = memory_new(sizeof *words);
    size_t count = 0;
    for (text += strspn(text, " \t\n"); *text != '\0'; text += strspn(text, " \t\n")) {
        struct buffer word = {0};
        buffer_append_text(&word, "");
        text = read_word(text, &word);
        words = memory_resize(words, (count + 2) * sizeof *words);
        words[count++] = buffer_detach(&word);
        words[count] = NULL;
        if (text == NULL) {
            error_set(error, "a quote does not end");
            process_words_free(words);
            return NULL;
        }
    }
    if (count == 0) {
        error_set(error, "there is no word in it");
        process_words_free(words);
        return NULL;
    }
    return words;
}

void process_words_free(char **words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        free(words[i]);
    }
    free(words);
}
