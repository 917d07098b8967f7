#ifndef HOTBED_NET_PROCESS_H
#define HOTBED_NET_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/net/real.h"
#include "sim/base/buffer.h"

/* A program that is judged, run beside our loop: its output is collected, its end is told, and
 * neither it nor what it started outlives us. */
struct process;

struct process_settings {
    const char *const
        *arguments;        /* the program and its words, NULL at the end; no shell in between */
    const char *directory; /* to run in; NULL: ours */
    const char *const
        *environment; /* "NAME=VALUE" to set, "NAME" to remove, NULL at the end; NULL: as ours */
    size_t output_bytes_max; /* of each stream; 0: 1 MiB. What comes beyond is read and dropped. */
};

struct process_end {
    int exit_code; /* as a shell tells it: 128 + the signal's number when one ended it */
    const struct buffer *output,
        *errors; /* standard output and error; alive until process_destroy() */
};

/* Called from the loop, once: the program has ended and both streams are closed (at the latest 1 s
 * after its end, as a grandchild may keep them open). May destroy the process. */
typedef void process_done(void *owner, const struct process_end *end);

/* Its standard input is empty. NULL with the reason: no such program, no descriptor. */
struct process *process_start(struct real_driver *driver, const struct process_settings *settings,
                              process_done *done, void *owner, struct error *error);
void process_signal(struct process *process,
                    int signal); /* to its whole group; fine after its end */
const struct buffer *process_output(const struct process *process); /* standard output so far */
void process_destroy(struct process *process); /* kills what still runs of it; NULL is fine */

/* Words of a command template, a shell's quoting without its expansions: blanks separate, '…' and
 * "…" hold together, \ takes the next byte as it is. A list with NULL at the end to be given to
 * process_words_free(), or NULL with the reason: a quote that does not end, no word. */
char **process_words(const char *text, struct error *error);
void process_words_free(char **words);

#endif
