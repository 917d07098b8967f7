#ifndef HOTBED_TESTS_GOLDEN_SDK_HOST_H
#define HOTBED_TESTS_GOLDEN_SDK_HOST_H

#include "sim/protocol/connect/sdk.h"
#include "tests/golden/replay.h"

struct cJSON;

/* The small host program under which connect-sdk was recorded (captures README): what it decided by
 * itself - telemetry values, states, odd events, registrations - is read from the capture and done
 * again at the same times; its handlers of commands are written anew. */
struct sdk_host {
    struct replay *replay;
    struct connect_sdk *sdk;
    const char *name;  /* of the capture's file */
    bool builtin_only; /* no handlers of its own */
    int64_t g28_us;    /* how long G28 takes, without a chance to interrupt it; 0: no time */
    struct storage storages[3];
    size_t storage_count;
    struct cJSON *info; /* "data" of the first INFO in the capture; NULL: none */
    struct connect_sheet sheets[8];
    uint32_t next_job, job;
    char job_path[256];
    int64_t start_command;
    int64_t progress;
    double clock_offset_s; /* that was last set */
    char failure[300];     /* of the last registration, as the SDK told it */
    char complaint[400];   /* the first note of the capture that doesn't hold; "": all do */
    int64_t reset_over_us;
    struct timer command_timer; /* end of a command that takes time */
    enum host_doing { HOST_IDLE, HOST_DWELL, HOST_HOMING, HOST_RESETTING } doing;
    struct host_input *inputs;
    size_t input_count;
};

bool sdk_host_init(struct sdk_host *host, struct replay *replay, const char *name,
                   struct error *error);
void sdk_host_run(struct sdk_host *host); /* to the end of the capture */
void sdk_host_free(struct sdk_host *host);

/* sdk_host_commands.c */
bool sdk_host_command(void *host, const struct connect_sdk_command *command);
void sdk_host_interrupt(void *host);
void sdk_host_command_over(void *host);

/* sdk_host_cameras.c */
void sdk_host_add_cameras(struct sdk_host *host);
bool sdk_host_camera_note(struct sdk_host *host, const char *note);
void sdk_host_register_camera(struct sdk_host *host, const struct capture_entry *request);

/* sdk_host_files.c: the storages, and what was done to them from outside. */
void sdk_host_attach_recorded(struct sdk_host *host);
bool sdk_host_disk_note(struct sdk_host *host, const char *note);
enum storage_result sdk_host_make_folder(void *host, const char *path);
enum storage_result sdk_host_remove(void *host, const char *path, bool whole_tree);
enum storage_result sdk_host_append(void *host, const char *path, const void *bytes, size_t size);
enum storage_result sdk_host_rename(void *host, const char *from, const char *to);
struct storage *sdk_host_storage_of(struct sdk_host *host, const char *path, const char **below);

#endif
