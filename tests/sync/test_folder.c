/* Reading the folder: all of it or nothing (link-sync.md 3, SYNC-09, SYNC-10, SYNC-34). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/sync/folder.h"

struct bed {
    char root[64], outside[64];
    struct sync_folder folder;
    struct error error;
};

static const char *const usual[] = {"gcode", "bgcode"};
static const struct sync_rules plain = {.suffixes = usual, .suffix_count = 2};

static void put(const struct bed *bed, const char *path, const char *text)
{
    char command[600];
    snprintf(command, sizeof command,
             "mkdir -p \"$(dirname '%s/%s')\" && printf '%%s' '%s' > '%s/%s'", bed->root, path,
             text, bed->root, path);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    strcpy(bed->root, "/tmp/hotbed-folder-XXXXXX");
    strcpy(bed->outside, "/tmp/hotbed-outside-XXXXXX");
    *state = bed;
    return mkdtemp(bed->root) == NULL || mkdtemp(bed->outside) == NULL;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    char command[400];
    sync_folder_free(&bed->folder);
    snprintf(command, sizeof command, "chmod -R u+rwx '%s' && rm -rf '%s' '%s'", bed->root,
             bed->root, bed->outside);
    int code = system(command);
    free(bed);
    return code;
}

static bool read_it(struct bed *bed, const struct sync_rules *rules)
{
    sync_folder_free(&bed->folder);
    return sync_folder_read(&bed->folder, bed->root, rules, &bed->error);
}

static void files_and_folders_are_found_and_hidden_ones_passed_over(void **state)
{
    struct bed *bed = *state;
    put(bed, "b/cube.gcode", "12345");
    put(bed, "a.bgcode", "1");
    put(bed, ".hidden.gcode", "1");
    put(bed, ".hidden/a.gcode", "1");
    put(bed, "PART.GCODE", "1");
    put(bed, "notes.txt", "1");
    put(bed, "empty/.keep", "");
    assert_true(read_it(bed, &plain));
    assert_int_equal(bed->folder.count, 2);
    assert_string_equal(bed->folder.files[0].path, "a.bgcode");
    assert_string_equal(bed->folder.files[1].path, "b/cube.gcode");
    assert_int_equal(bed->folder.files[1].size, 5);
    assert_int_equal(bed->folder.bytes, 6);
    assert_int_equal(bed->folder.folder_count, 2);
    assert_string_equal(bed->folder.folders[1], "empty");
    assert_int_equal(bed->folder.ignored_count, 2);
    assert_non_null(sync_folder_find(&bed->folder, "b/cube.gcode"));
    assert_null(sync_folder_find(&bed->folder, "b"));
}

static void patterns_choose(void **state)
{
    struct bed *bed = *state;
    static const char *const include[] = {"*.gcode"}, *const exclude[] = {"draft*", "old"};
    const struct sync_rules rules = {.suffixes = usual,
                                     .suffix_count = 2,
                                     .include = include,
                                     .include_count = 1,
                                     .exclude = exclude,
                                     .exclude_count = 2};
    put(bed, "a.gcode", "1");
    put(bed, "a.bgcode", "1");
    put(bed, "x/draft 1.gcode", "1");
    put(bed, "old/b.gcode", "1");
    assert_true(read_it(bed, &rules));
    assert_int_equal(bed->folder.count, 1);
    assert_true(sync_rules_exclude(&rules, "old/deep/c.gcode"));
    assert_true(sync_rules_exclude(&rules, "a.bgcode"));
    assert_false(sync_rules_exclude(&rules, "new/a.gcode"));
}

static void a_folder_that_is_not_there_is_no_empty_folder(void **state)
{
    struct bed *bed = *state;
    struct sync_folder folder;
    assert_false(sync_folder_read(&folder, "/tmp/hotbed-no-such-folder", &plain, &bed->error));
    assert_string_equal(bed->error.text, "/tmp/hotbed-no-such-folder: No such file or directory");
    put(bed, "a.gcode", "1");
    char path[100];
    snprintf(path, sizeof path, "%s/a.gcode", bed->root);
    assert_false(sync_folder_read(&folder, path, &plain, &bed->error));
    assert_non_null(strstr(bed->error.text, "this is no folder"));
}

static void what_cannot_be_read_stops_everything(void **state)
{
    struct bed *bed = *state;
    char path[100];
    if (geteuid() == 0) {
        skip(); /* root reads everything */
    }
    put(bed, "secret/a.gcode", "1");
    snprintf(path, sizeof path, "%s/secret", bed->root);
    assert_int_equal(chmod(path, 0), 0);
    assert_false(read_it(bed, &plain));
    assert_non_null(strstr(bed->error.text, "secret: Permission denied"));
}

static void links_lead_inside_or_stop_everything(void **state)
{
    struct bed *bed = *state;
    char path[100], target[100];
    put(bed, "a/cube.gcode", "123");
    snprintf(path, sizeof path, "%s/b.gcode", bed->root);
    assert_int_equal(symlink("a/cube.gcode", path), 0);
    snprintf(path, sizeof path, "%s/c", bed->root);
    assert_int_equal(symlink("a", path), 0);
    assert_true(read_it(bed, &plain));
    assert_int_equal(bed->folder.count, 3);
    assert_string_equal(bed->folder.files[2].path, "c/cube.gcode");
    assert_int_equal(bed->folder.files[1].size, 3);

    snprintf(path, sizeof path, "%s/out", bed->root);
    assert_int_equal(symlink(bed->outside, path), 0);
    assert_false(read_it(bed, &plain));
    assert_non_null(strstr(bed->error.text, "out: this link leads out of the folder"));
    assert_int_equal(unlink(path), 0);

    snprintf(target, sizeof target, "%s-", bed->root); /* begins with the same text */
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_false(read_it(bed, &plain));
    assert_int_equal(unlink(path), 0);

    snprintf(path, sizeof path, "%s/a/loop", bed->root);
    assert_int_equal(symlink("..", path), 0);
    assert_false(read_it(bed, &plain));
    assert_non_null(strstr(bed->error.text, "this link leads to a folder that it is in"));
    assert_int_equal(unlink(path), 0);

    assert_int_equal(symlink("nowhere", path), 0);
    assert_false(read_it(bed, &plain));
    assert_non_null(strstr(bed->error.text, "this link leads nowhere"));
}

static void changes_since_it_was_read_are_noticed(void **state)
{
    struct bed *bed = *state;
    struct error what = {{0}};
    put(bed, "a/cube.gcode", "123");
    assert_true(read_it(bed, &plain));
    assert_false(sync_folder_changed(&bed->folder, &what));
    put(bed, "a/new.gcode", "1");
    assert_true(sync_folder_changed(&bed->folder, &what));
    assert_non_null(strstr(what.text, "/a: it has changed"));
    assert_true(read_it(bed, &plain));
    put(bed, "a/new.gcode", "12");
    assert_true(sync_folder_changed(&bed->folder, &what));
    assert_non_null(strstr(what.text, "/a/new.gcode: it has changed"));
}

static void names_that_are_no_text_are_refused(void **state)
{
    struct bed *bed = *state;
    put(bed, "caf\xe9.gcode", "1");
    assert_false(read_it(bed, &plain));
    assert_non_null(strstr(bed->error.text, "this name is no UTF-8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_and_folders_are_found_and_hidden_ones_passed_over,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(patterns_choose, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_no_empty_folder, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_stops_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_lead_inside_or_stop_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_since_it_was_read_are_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_that_are_no_text_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
