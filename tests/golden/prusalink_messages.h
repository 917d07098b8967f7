#ifndef HOTBED_TESTS_GOLDEN_PRUSALINK_MESSAGES_H
#define HOTBED_TESTS_GOLDEN_PRUSALINK_MESSAGES_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

/* What a printer of connect-prusalink said: requests in their order, of a capture or of ours. */

enum prusalink_message_kind { TELEMETRY, EVENT, REGISTER, POLL, PROBE, DOWNLOAD };

struct prusalink_message {
    enum prusalink_message_kind kind;
    int64_t time_us;
    char *head, *body;
    unsigned line; /* in the capture */
};

struct prusalink_messages {
    struct prusalink_message *list;
    size_t count;
};

void prusalink_messages_add(struct prusalink_messages *messages, int64_t time_us, const char *head,
                            size_t head_size, const char *body, size_t body_size, unsigned line);
void prusalink_messages_free(struct prusalink_messages *messages);
/* A member of its body; false: there is none. */
bool prusalink_message_member(const struct prusalink_message *message, const char *path, char *out,
                              size_t size);
/* The next telemetry from `*at` on, or the next of anything else; NULL: none. */
const struct prusalink_message *prusalink_messages_next(const struct prusalink_messages *messages,
                                                        size_t *at, bool telemetry);
/* How often each distance between two telemetries of one state was kept, in classes of 50 ms: the
 * usual one in s; NAN: there are too few. */
double prusalink_usual_gap(const struct prusalink_messages *messages, const char *state);
/* Whether this event ends a command. */
bool prusalink_ends_command(const struct prusalink_message *message, const char *id);

#endif
