#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/golden/sdk_host.h"

/* Every capture of connect-sdk: what our SDK sends to the recorded server is what the recorded SDK
 * sent, byte for byte but for this. */
static const struct replay_difference differences[] = {
    {"", REPLAY_HEADER, "Timestamp",
     "times; that both stamps of a message agree to 0.25 s is checked apart"},
    {"", REPLAY_NUMBER,
     "\"free_space\": ", "other programs used the disk of the recording machine"},
    {"58-", REPLAY_NUMBER, "\"time_transferring\": ",
     "one second ends within the millisecond in which a telemetry is made"},
    {"43-", REPLAY_EXTRA, "\"name\": \"SD Card\", ",
     "the host program made its tree without a name, PrusaLink's has one [L-01]"},
};

/* How far a message may be from its recorded time: the recording host was busy for some of it. */
enum { SLACK_US = 150000 };

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Files of which the captures have only the heads, sent at these paces. */
static const struct replay_body bodies[] = {
    {"50-", 0, 60000, MILLISECONDS(300)},  {"51-", 0, 60000, MILLISECONDS(300)},
    {"52-", 0, 60000, MILLISECONDS(300)},  {"54-", 0, 60000, MILLISECONDS(50)},
    {"55-", 0, 240000, MILLISECONDS(400)}, {"56-", 9, 20000, MILLISECONDS(100)},
    {"56-", 10, 20000, MILLISECONDS(100)}, {"57-", 0, 60000, MILLISECONDS(20)},
    {"58-", 15, 60000, MILLISECONDS(300)},
};

static void replay_capture(void **state)
{
    const char *name = *state;
    char relative[300];
    snprintf(relative, sizeof relative, "captures/connect-sdk/%s", name);
    char *path = capture_path(relative);
    if (path == NULL) {
        print_message("captures/connect-sdk is not here: skipped\n");
        skip();
    }
    struct error error = {""};
    struct replay replay;
    struct sdk_host host;
    bool good = replay_init(&replay, path, &error);
    free(path);
    replay.name = name;
    replay.bodies = bodies;
    replay.body_count = sizeof bodies / sizeof *bodies;
    if (good && sdk_host_init(&host, &replay, name, &error)) {
        host.builtin_only = strncmp(name, "34-", 3) == 0;
        host.g28_us = strncmp(name, "33-", 3) == 0 ? SECONDS(4) : 0;
        sdk_host_run(&host);
        good = replay_compare(&replay, name, differences, sizeof differences / sizeof *differences,
                              SLACK_US, &error);
        if (good && host.complaint[0] != '\0') {
            good = error_set(&error, "%s: %s", name, host.complaint);
        }
        sdk_host_free(&host);
    }
    replay_free(&replay);
    if (!good) {
        fail_msg("%s", error.text);
    }
}

int main(void)
{
    char *folder = capture_path("captures/connect-sdk");
    DIR *directory = folder == NULL ? NULL : opendir(folder);
    free(folder);
    char *names[128];
    size_t count = 0;
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        const char *end = strrchr(entry->d_name, '.');
        if (count < 128 && end != NULL && strcmp(end, ".txt") == 0) {
            names[count++] = strdup(entry->d_name);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    if (count == 0) {
        names[count++] = strdup("01-register-success-mk3s.txt"); /* is not there and skips */
    }
    qsort(names, count, sizeof *names, by_name);
    struct CMUnitTest tests[128];
    for (size_t i = 0; i < count; i++) {
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = replay_capture, .initial_state = names[i]};
    }
    int failed = _cmocka_run_group_tests("golden connect-sdk", tests, count, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    return failed;
}
