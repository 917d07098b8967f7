/* What a sync decides: a function of the folder, the printer's tree and what was written down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/sync/names.h"
#include "harness/sync/plan.h"
#include "sim/base/memory.h"

#define NOW_S INT64_C(1767225600)

static const char *const usual[] = {"gcode", "bgcode"};

struct bed {
    struct sync_folder folder;
    struct sync_tree tree;
    struct sync_target target;
    struct sync_policy policy;
    struct sync_rules rules;
    struct sync_plan plan;
    bool recorded;
    struct sync_record record;
};

static bool find_record(void *owner, const char *path, struct sync_record *record)
{
    const struct bed *bed = owner;
    (void)path;
    *record = bed->record;
    return bed->recorded;
}

static int set_up(void **state)
{
    struct bed *bed = memory_new(sizeof *bed);
    bed->rules = (struct sync_rules){.suffixes = usual, .suffix_count = 2};
    bed->target = (struct sync_target){
        .flavour = LINK_FLAVOUR_BUDDY, .destination = "/usb", .record = find_record, .owner = bed};
    bed->policy =
        (struct sync_policy){.tolerance_s = 60, .delete_max = SIZE_MAX, .rules = &bed->rules};
    bed->tree.fold = true;
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    sync_plan_free(&bed->plan);
    sync_tree_free(&bed->tree);
    sync_folder_free(&bed->folder);
    free(bed);
    return 0;
}

/* The folder's files in the order of their paths, as sync_folder_read() has them. */
static void here(struct bed *bed, const char *path, uint64_t size, int64_t modified_s)
{
    struct sync_folder *folder = &bed->folder;
    folder->files = memory_resize(folder->files, (folder->count + 1) * sizeof *folder->files);
    folder->files[folder->count++] = (struct sync_file){
        .path = memory_copy_text(path), .size = size, .modified_us = modified_s * 1000000};
}

static void here_folder(struct bed *bed, const char *path)
{
    struct sync_folder *folder = &bed->folder;
    folder->folders =
        memory_resize(folder->folders, (folder->folder_count + 1) * sizeof *folder->folders);
    folder->folders[folder->folder_count++] = memory_copy_text(path);
}

static struct sync_entry *there(struct bed *bed, const char *path, const char *address,
                                int64_t size, int64_t modified_s)
{
    struct sync_entry *entry = sync_tree_add(&bed->tree, path, address);
    entry->print_file = true;
    entry->size = size;
    entry->modified_s = modified_s;
    return entry;
}

static void plan(struct bed *bed)
{
    sync_plan_free(&bed->plan);
    sync_tree_sort(&bed->tree);
    sync_plan_make(&bed->plan, &bed->folder, &bed->tree, &bed->target, &bed->policy);
}

/* "delete a.gcode, upload b.gcode": the actions in their order. */
static void expect(struct bed *bed, const char *actions)
{
    struct buffer text = {0};
    plan(bed);
    for (size_t i = 0; i < bed->plan.count; i++) {
        buffer_format(&text, "%s%s %s", i == 0 ? "" : ", ", sync_act_name(bed->plan.actions[i].act),
                      bed->plan.actions[i].path);
    }
    assert_string_equal(buffer_text(&text), actions);
    buffer_free(&text);
}

static void expect_conflict(struct bed *bed, const char *path, const char *why)
{
    for (size_t i = 0; i < bed->plan.conflict_count; i++) {
        if (strcmp(bed->plan.conflicts[i].path, path) == 0) {
            assert_string_equal(bed->plan.conflicts[i].why, why);
            return;
        }
    }
    fail_msg("no conflict of %s", path);
}

static void missing_files_are_uploaded_and_excess_ones_deleted_first(void **state)
{
    struct bed *bed = *state;
    here_folder(bed, "jobs");
    here(bed, "jobs/cube.gcode", 100, NOW_S);
    there(bed, "old.gcode", "/usb/OLD~1.GCO", -1, NOW_S);
    expect(bed, "delete old.gcode, make folder jobs, upload jobs/cube.gcode");
    assert_string_equal(bed->plan.actions[0].address, "/usb/OLD~1.GCO");
    assert_int_equal(sync_plan_bytes(&bed->plan), 100);
}

static void a_file_is_stale_from_the_61st_second_on(void **state)
{
    struct bed *bed = *state;
    here(bed, "a.gcode", 100, NOW_S + 60);
    struct sync_entry *entry = there(bed, "a.gcode", "/usb/A~1.GCO", 100, NOW_S);
    expect(bed, "");
    assert_int_equal(bed->plan.same, 1);
    bed->folder.files[0].modified_us += 1000000;
    expect(bed, "replace a.gcode");
    entry->modified_s = NOW_S + 86400; /* a day newer than here */
    expect(bed, "");
    entry->modified_s = 312768000; /* FAT's zero: it has no clock (SYNC-27) */
    expect(bed, "");
    entry->modified_s = -1;
    expect(bed, "");
}

static void another_size_is_another_file_whatever_the_time(void **state)
{
    struct bed *bed = *state;
    here(bed, "a.gcode", 101, NOW_S - 1000);
    there(bed, "a.gcode", "/usb/A~1.GCO", 100, NOW_S);
    expect(bed, "replace a.gcode");
    assert_string_equal(bed->plan.actions[0].reason, "size");
}

static void a_size_that_is_not_told_is_asked_for(void **state)
{
    struct bed *bed = *state;
    here(bed, "a.gcode", 101, NOW_S - 1000);
    there(bed, "a.gcode", "/usb/A~1.GCO", -1, NOW_S);
    expect(bed, "");
    assert_int_equal(bed->plan.unsure_count, 1);
    bed->tree.entries[bed->plan.unsure[0]].size = 100;
    expect(bed, "replace a.gcode");
    assert_int_equal(bed->plan.unsure_count, 0);
}

static void the_printers_clock_is_allowed_for(void **state)
{
    struct bed *bed = *state;
    here(bed, "a.gcode", 100, NOW_S);
    there(bed, "a.gcode", "/usb/A~1.GCO", 100,
          NOW_S - 3600 + 30); /* brought there 30 s later, by a clock that is late */
    bed->target.clock_ahead_s = -3600;
    expect(bed, "");
    bed->target.clock_ahead_s = 0;
    expect(bed, "replace a.gcode");
}

static void what_was_written_down_wins_over_the_clocks(void **state)
{
    struct bed *bed = *state;
    here(bed, "a.gcode", 100, NOW_S);
    there(bed, "a.gcode", "/usb/A~1.GCO", -1, NOW_S - 86400);
    bed->recorded = true;
    bed->record = (struct sync_record){
        .size = 100, .modified_us = NOW_S * 1000000, .remote_s = NOW_S - 86400};
    expect(bed, "");
    assert_int_equal(bed->plan.unsure_count, 0);
    bed->folder.files[0].modified_us -= 7200 * INT64_C(1000000); /* an older version came back */
    expect(bed, "replace a.gcode");
    bed->record.remote_s += 5; /* somebody else has been at it: the clocks decide again */
    expect(bed, "replace a.gcode");
    assert_string_equal(bed->plan.actions[0].reason, "newer");
}

static void fat_finds_names_in_any_case(void **state)
{
    struct bed *bed = *state;
    here(bed, "a.gcode", 100, NOW_S);
    there(bed, "A.gcode", "/usb/A~1.GCO", 100, NOW_S);
    expect(bed, "delete A.gcode, upload a.gcode");
    assert_true(bed->plan.actions[0].aside);
    bed->tree.fold = false;
    sync_tree_free(&bed->tree);
    bed->target.flavour = LINK_FLAVOUR_PI;
    there(bed, "A.gcode", "/local/A.gcode", 100, NOW_S);
    expect(bed, "delete A.gcode, upload a.gcode");
    assert_false(bed->plan.actions[0].aside);
}

static void a_folder_keeps_the_letters_that_it_was_made_with(void **state)
{
    struct bed *bed = *state;
    here(bed, "jobs/a.gcode", 10, NOW_S);
    here_folder(bed, "jobs");
    there(bed, "JOBS", "/usb/JOBS", -1, NOW_S)->folder = true;
    there(bed, "JOBS/a.gcode", "/usb/JOBS/A~1.GCO", 10, NOW_S);
    expect(bed, "");
    assert_int_equal(bed->plan.same, 1);
}

static void two_folders_of_one_name_are_made_once(void **state)
{
    struct bed *bed = *state;
    here(bed, "X/a.gcode", 10, NOW_S);
    here(bed, "x/b.gcode", 10, NOW_S);
    here_folder(bed, "X");
    here_folder(bed, "x");
    expect(bed, "make folder X, upload X/a.gcode, upload x/b.gcode");
}

static void a_file_and_a_folder_here_of_one_name_conflict(void **state)
{
    struct bed *bed = *state;
    here(bed, "Y.gcode", 10, NOW_S);
    here(bed, "y.gcode/a.gcode", 10, NOW_S);
    here_folder(bed, "y.gcode");
    expect(bed, "make folder y.gcode, upload y.gcode/a.gcode");
    expect_conflict(bed, "Y.gcode", "for the printer this is the same name as the folder y.gcode");
    there(bed, "Y.gcode", "/usb/Y~1.GCO", 11, NOW_S);
    plan(bed);
    assert_int_equal(sync_plan_counted(&bed->plan, SYNC_DELETE), 0);
}

/* SL1 answers 409 to an upload of what is there, and makes folders with files only. */
static void a_resin_printer_replaces_by_deleting_and_prints_what_its_model_does(void **state)
{
    struct bed *bed = *state;
    bed->target.flavour = LINK_FLAVOUR_SLA;
    bed->target.destination = "/local";
    bed->target.suffixes = " sl1 ";
    bed->tree.fold = false;
    here(bed, "a.sl1", 10, NOW_S);
    here(bed, "b.sl1s", 10, NOW_S);
    here(bed, "sub/c.sl1", 10, NOW_S);
    here_folder(bed, "sub");
    there(bed, "a.sl1", "/local/a.sl1", 11, NOW_S);
    expect(bed, "delete a.sl1, upload a.sl1, upload sub/c.sl1");
    assert_true(bed->plan.actions[0].aside);
    assert_int_equal(bed->plan.foreign, 1);
}

static void composed_and_decomposed_letters_are_one_name(void **state)
{
    struct bed *bed = *state;
    here(bed, "cafe\xcc\x81.gcode", 100, NOW_S);
    there(bed, "caf\xc3\xa9.gcode", "/usb/CAF~1.GCO", 100, NOW_S);
    expect(bed, "");
}

static void two_files_of_one_name_are_told_and_left(void **state)
{
    struct bed *bed = *state;
    here(bed, "A.gcode", 100, NOW_S);
    here(bed, "a.gcode", 200, NOW_S);
    there(bed, "A.gcode", "/usb/A~1.GCO", 100, NOW_S - 1000);
    expect(bed, "");
    expect_conflict(bed, "a.gcode", "for the printer this is the same name as A.gcode");
    expect_conflict(bed, "A.gcode", "for the printer this is the same name as a.gcode");
}

static void a_name_that_is_anothers_short_name_is_not_written(void **state)
{
    struct bed *bed = *state;
    here(bed, "multip~1.gco", 1, NOW_S);
    here(bed, "multiple.gcode", 100, NOW_S);
    static const char *const suffixes[] = {"gcode", "gco"};
    bed->rules.suffixes = suffixes;
    there(bed, "multiple.gcode", "/usb/MULTIP~1.GCO", 100, NOW_S);
    expect(bed, "");
    expect_conflict(bed, "multip~1.gco", "this is the short name of multiple.gcode");
}

static void a_file_in_print_and_a_read_only_one_stay(void **state)
{
    struct bed *bed = *state;
    here(bed, "a.gcode", 100, NOW_S);
    here(bed, "b.gcode", 100, NOW_S);
    there(bed, "a.gcode", "/usb/A.GCO", 99, NOW_S)->in_print = true;
    there(bed, "b.gcode", "/usb/B.GCO", 99, NOW_S)->read_only = true;
    there(bed, "c.gcode", "/usb/C.GCO", 99, NOW_S)->in_print = true;
    there(bed, "d.gcode", "/usb/D.GCO", 99, NOW_S)->read_only = true;
    expect(bed, "");
    assert_int_equal(bed->plan.conflict_count, 4);
    assert_int_equal(bed->plan.kept, 2);
    expect_conflict(bed, "a.gcode", "it differs, and the printer is printing it");
    expect_conflict(bed, "d.gcode",
                    "it is not in the folder, and the printer says that it cannot be deleted");
}

static void only_print_files_that_nobody_excluded_are_excess(void **state)
{
    struct bed *bed = *state;
    static const char *const exclude[] = {"keep*"};
    bed->rules.exclude = exclude;
    bed->rules.exclude_count = 1;
    here(bed, "a.gcode", 100, NOW_S);
    there(bed, "a.gcode", "/usb/A.GCO", 100, NOW_S);
    there(bed, "keep me.gcode", "/usb/KEEPME~1.GCO", 1, NOW_S);
    there(bed, "notes.txt", "/usb/NOTES.TXT", 1, NOW_S)->print_file = false;
    expect(bed, "");
    assert_int_equal(bed->plan.kept, 2);
    there(bed, "other.gcode", "/usb/OTHER~1.GCO", 1, NOW_S);
    bed->policy.keep_excess = true;
    expect(bed, "");
    bed->policy.keep_excess = false;
    expect(bed, "delete other.gcode");
    bed->policy.delete_max = 0;
    expect(bed, "");
    expect_conflict(bed, "/usb", "1 files would be deleted, more than --max-delete allows");
}

static void a_copy_of_a_file_that_is_left_out_here_is_left_out_there(void **state)
{
    struct bed *bed = *state;
    bed->folder.ignored = memory_new(sizeof(char *));
    bed->folder.ignored[bed->folder.ignored_count++] = memory_copy_text("PART.GCODE");
    here(bed, "a.gcode", 100, NOW_S);
    there(bed, "part.gcode", "/usb/PART~1.GCO", 1, NOW_S);
    expect(bed, "upload a.gcode");
}

static void folders_go_only_when_asked_for_and_empty(void **state)
{
    struct bed *bed = *state;
    here(bed, "a.gcode", 100, NOW_S);
    there(bed, "a.gcode", "/usb/A.GCO", 100, NOW_S);
    there(bed, "old", "/usb/OLD", -1, NOW_S)->folder = true;
    there(bed, "old/x", "/usb/OLD/X", -1, NOW_S)->folder = true;
    there(bed, "old/x/b.gcode", "/usb/OLD/X/B.GCO", 1, NOW_S);
    there(bed, "notes", "/usb/NOTES", -1, NOW_S)->folder = true;
    there(bed, "notes/n.txt", "/usb/NOTES/N.TXT", 1, NOW_S)->print_file = false;
    expect(bed, "delete old/x/b.gcode");
    bed->policy.delete_folders = true;
    expect(bed, "delete old/x/b.gcode, delete folder old/x, delete folder old");
}

static void a_folder_with_something_that_stays_stays_with_all_above_it(void **state)
{
    struct bed *bed = *state;
    static const char *const excluded[] = {"keep"};
    bed->policy.delete_folders = true;
    bed->rules.exclude = excluded;
    bed->rules.exclude_count = 1;
    there(bed, "old", "/usb/old", -1, NOW_S)->folder = true;
    there(bed, "old/keep", "/usb/old/keep", -1, NOW_S)->folder = true;
    there(bed, "old/goes", "/usb/old/goes", -1, NOW_S)->folder = true;
    expect(bed, "delete folder old/goes");
    bed->rules.exclude_count = 0;
    there(bed, "old/keep/a.gcode", "/usb/old/keep/a", 1, NOW_S);
    bed->policy.delete_max = 0;
    expect(bed, "delete folder old/goes");
}

static void what_a_printer_does_not_print_is_not_for_it(void **state)
{
    struct bed *bed = *state;
    here_folder(bed, "bin");
    here(bed, "a.gcode", 100, NOW_S);
    here(bed, "bin/b.bgcode", 100, NOW_S);
    bed->target.flavour = LINK_FLAVOUR_PI;
    bed->tree.fold = false;
    expect(bed, "upload a.gcode");
    assert_int_equal(bed->plan.foreign, 1);
}

static void names_that_a_printer_cannot_have_are_told(void **state)
{
    struct bed *bed = *state;
    char longest[120] = {0};
    memset(longest, 'a', sizeof longest - 1);
    memcpy(longest + 93, ".gcode", 7);
    here(bed, longest, 1, NOW_S);
    plan(bed);
    expect_conflict(bed, longest, "the path is longer than the printer allows");
    memcpy(longest + 92, ".gcode", 7); /* "/usb/" and 98 bytes: all that is allowed */
    here(bed, "b?.gcode", 1, NOW_S);
    here(bed, "dir ./c.gcode", 1, NOW_S);
    free(bed->folder.files[0].path);
    bed->folder.files[0].path = memory_copy_text(longest);
    plan(bed);
    assert_int_equal(bed->plan.count, 1);
    expect_conflict(bed, "b?.gcode", "the printer allows no such character in a name");
    expect_conflict(bed, "dir ./c.gcode",
                    "the printer's file system drops the dot or blank at the end of a name");
    assert_null(sync_name_problem(LINK_FLAVOUR_PI, "/local/a:b.gcode", "a:b.gcode"));
    assert_non_null(sync_name_problem(LINK_FLAVOUR_PI, "/local/a#b.gcode", "a#b.gcode"));
}

static void a_folder_and_a_file_of_one_name_conflict(void **state)
{
    struct bed *bed = *state;
    here(bed, "x.gcode", 1, NOW_S);
    there(bed, "x.gcode", "/usb/X.GCO", -1, NOW_S)->folder = true;
    expect(bed, "");
    expect_conflict(bed, "x.gcode", "the printer has a folder of this name");
    here_folder(bed, "y");
    here(bed, "y/a.gcode", 1, NOW_S);
    there(bed, "y", "/usb/Y", 1, NOW_S)->print_file = false;
    expect(bed, "");
    expect_conflict(bed, "y/a.gcode", "the printer has a file where this folder should be: y");
}

static void addresses_use_the_short_names_that_are_known(void **state)
{
    struct bed *bed = *state;
    there(bed, "long folder", "/usb/LONGFO~1", -1, NOW_S)->folder = true;
    char *address = sync_tree_address(&bed->tree, "/usb", "Long Folder/new/a.gcode");
    assert_string_equal(address, "/usb/LONGFO~1/new/a.gcode");
    free(address);
}

static void destinations_are_below_the_storage(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {NULL, "/usb/", "/usb"},
        {"", "/usb/", "/usb"},
        {"/", "/local", "/local"},
        {"/usb/", "/usb/", "/usb"},
        {"/usb", "/local", "/local"},
        {"/USB/jobs/", "/usb/", "/usb/jobs"},
        {"jobs/a", "/local", "/local/jobs/a"},
        {"/usb/FOO", "/usb/", "/usb/FOO"},
        {"usb", "/usb/", "/usb/usb"},
    };
    struct error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *out = sync_destination(cases[i][0], cases[i][1], &error);
        assert_string_equal(out, cases[i][2]);
        free(out);
    }
    assert_null(sync_destination("/other/x", "/usb/", &error));
    assert_string_equal(error.text,
                        "the destination /other/x is outside the printer's storage /usb");
    assert_null(sync_destination("../x", "/usb/", &error));
    assert_null(sync_destination("/usb/a/../../x", "/usb/", &error));
}

#define IN_BED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_BED(missing_files_are_uploaded_and_excess_ones_deleted_first),
        IN_BED(a_file_is_stale_from_the_61st_second_on),
        IN_BED(another_size_is_another_file_whatever_the_time),
        IN_BED(a_size_that_is_not_told_is_asked_for),
        IN_BED(the_printers_clock_is_allowed_for),
        IN_BED(what_was_written_down_wins_over_the_clocks),
        IN_BED(fat_finds_names_in_any_case),
        IN_BED(a_folder_keeps_the_letters_that_it_was_made_with),
        IN_BED(two_folders_of_one_name_are_made_once),
        IN_BED(a_file_and_a_folder_here_of_one_name_conflict),
        IN_BED(a_resin_printer_replaces_by_deleting_and_prints_what_its_model_does),
        IN_BED(composed_and_decomposed_letters_are_one_name),
        IN_BED(two_files_of_one_name_are_told_and_left),
        IN_BED(a_name_that_is_anothers_short_name_is_not_written),
        IN_BED(a_file_in_print_and_a_read_only_one_stay),
        IN_BED(only_print_files_that_nobody_excluded_are_excess),
        IN_BED(a_copy_of_a_file_that_is_left_out_here_is_left_out_there),
        IN_BED(folders_go_only_when_asked_for_and_empty),
        IN_BED(a_folder_with_something_that_stays_stays_with_all_above_it),
        IN_BED(what_a_printer_does_not_print_is_not_for_it),
        IN_BED(names_that_a_printer_cannot_have_are_told),
        IN_BED(a_folder_and_a_file_of_one_name_conflict),
        IN_BED(addresses_use_the_short_names_that_are_known),
        cmocka_unit_test(destinations_are_below_the_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
