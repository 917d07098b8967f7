#include <stdio.h>
#include <string.h>

#include "sim/protocol/connect/buddy_parts.h"

/* Registration (connect-buddy.md 2): ask for a code, show it to the user, poll for the token. Each
 * exchange more than 5 s after the one before, each on a connection of its own. */

#define POLL_INTERVAL SECONDS(5)

enum { ATTEMPTS_FOR_A_CODE = 3 };

bool buddy_register(struct buddy *buddy)
{
    if (buddy->server == NULL || buddy->registration.active) {
        return false;
    }
    buddy->registration = (struct buddy_registration){
        .active = true, .retries = ATTEMPTS_FOR_A_CODE, .last_us = buddy->registration.last_us};
    buddy_wake(buddy);
    return true;
}

/* The next exchange when it is time for it, else the timer for then. */
void buddy_register_step(struct buddy *buddy)
{
    struct buddy_registration *registration = &buddy->registration;
    int64_t due_us = registration->last_us + POLL_INTERVAL + MILLISECONDS(1);
    if (buddy->world->now_us < due_us) {
        world_arm(buddy->world, &buddy->timer, due_us);
        return;
    }
    struct buddy_request request = buddy_request_borrow(&buddy->world->buffers);
    if (registration->code[0] == '\0') {
        buddy_message_borrow(&buddy->message, &buddy->world->buffers);
        buddy_render_registration(&buddy->message, &buddy->build, &buddy->state);
        buddy_request_register(&request, buddy->host, &buddy->build, buddy->state.firmware,
                               &buddy->message);
    } else {
        buddy_request_poll(&request, buddy->host, registration->code, &buddy->build,
                           buddy->state.firmware);
    }
    buddy->exchange_due_us = buddy->world->now_us;
    buddy_send(buddy, &request);
}

static void end_exchange(struct buddy *buddy)
{
    buddy->registration.last_us = buddy->world->now_us;
    buddy_hang_up(buddy);
    buddy_wake(buddy);
}

void buddy_register_failed(struct buddy *buddy)
{
    struct buddy_registration *registration = &buddy->registration;
    const struct connect_face_events *events = buddy->settings->events;
    if (registration->code[0] == '\0' && --registration->retries == 0) {
        registration->active = false;
        if (events != NULL && events->failed != NULL) {
            events->failed(buddy->settings->owner, "no code after three attempts");
        }
    }
    end_exchange(buddy);
}

/* A header's value, cut to what the printer keeps; false: there is none. */
static bool take(const struct http_message *message, const char *name, char *out, size_t most)
{
    struct slice value = http_header_value(message, name);
    if (value.bytes == NULL) {
        return false;
    }
    size_t size = value.size < most ? value.size : most;
    memcpy(out, value.bytes, size);
    out[size] = '\0';
    return true;
}

static void take_code(struct buddy *buddy, const struct http_message *message)
{
    struct buddy_registration *registration = &buddy->registration;
    const struct connect_face_events *events = buddy->settings->events;
    if (message->status != 200 || !take(message, "Code", registration->code, BUDDY_CODE_MAX)) {
        buddy_register_failed(buddy);
        return;
    }
    if (events != NULL && events->code != NULL) {
        struct buffer url = {0};
        buffer_format(&url, "%s/add-printer/connect/%d.%d.%d/%s", buddy->server, buddy->build.type,
                      buddy->build.version, buddy->build.subversion, registration->code);
        events->code(buddy->settings->owner, registration->code, url.bytes);
        buffer_free(&url);
    }
    end_exchange(buddy);
}

void buddy_register_reply(struct buddy *buddy, const struct http_message *message)
{
    const struct connect_face_events *events = buddy->settings->events;
    if (buddy->registration.code[0] == '\0') {
        take_code(buddy, message);
    } else if (message->status == 202 || message->status == 204) {
        end_exchange(buddy);
    } else if (message->status == 200 && take(message, "Token", buddy->token, BUDDY_TOKEN_MAX)) {
        buddy->registration.active = false;
        buddy_planner_reset(&buddy->planner);
        if (events != NULL && events->token != NULL) {
            events->token(buddy->settings->owner, buddy->token);
        }
        end_exchange(buddy);
    } else {
        buddy_register_failed(buddy);
    }
}
