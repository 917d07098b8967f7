#ifndef HOTBED_LINK_PI_UPLOAD_H
#define HOTBED_LINK_PI_UPLOAD_H

#include "sim/protocol/link/pi.h"

/* A file that comes in, by PUT or in a form: it takes the machine's one transfer with its first
 * bytes and lies in a part file until it gets its place. */
struct pi_incoming {
    struct link_face *face;
    char *path; /* where it will be; owned */
    char *url;  /* that it is fetched from; NULL: it is sent to us */
    struct buffer part;
    uint64_t expected, received;
    enum transfer_source source;
    bool form; /* in a form, by POST */
    bool to_select, to_print;
    bool begun; /* it has the transfer */
    bool full;  /* the storage took no more */
};

/* False: another transfer has the slot, or the storage takes no more. */
bool pi_incoming_write(struct pi_incoming *incoming, const char *bytes, size_t size);
bool pi_incoming_stopped(const struct pi_incoming *incoming);
enum storage_result pi_incoming_place(struct pi_incoming *incoming, const char *path);
/* Gives the transfer back; nothing when it has none. */
void pi_incoming_end(struct pi_incoming *incoming, enum transfer_change how);
/* … unless the program forgets to. */
void pi_incoming_break(struct pi_incoming *incoming);
/* 32 random bits, as the program numbers its transfers; equal seeds give equal ones. */
uint32_t pi_transfer_id(struct pi *pi);
void pi_incoming_free(struct pi_incoming *incoming);

#endif
