#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/machine/storage.h"

static struct file_content *bytes(const char *text)
{
    return file_content_of_bytes(text, strlen(text));
}

static void put(struct storage *storage, const char *path, const char *text)
{
    assert_int_equal(storage_put(storage, path, bytes(text), 100), STORAGE_OK);
}

static void expect_content(const struct storage *storage, const char *path, const char *text)
{
    const struct file_node *node = storage_find(storage, path);
    assert_non_null(node);
    char seen[256] = "";
    struct error error;
    assert_int_equal(file_content_read(node->content, 0, seen, sizeof seen - 1, &error),
                     strlen(text));
    assert_string_equal(seen, text);
}

/* --- trees in memory --- */

static void a_tree_knows_sizes_and_times(void **state)
{
    (void)state;
    struct storage storage;
    storage_init(&storage, "usb", STORAGE_LOCAL, NULL);
    storage.total_bytes = 1000;
    storage.used_by_others_bytes = 100;
    put(&storage, "a/b/one.gcode", "12345");
    put(&storage, "a/two.gcode", "123");
    put(&storage, "a/.two.gcode.cache", "1234567");
    put(&storage, "a/.hidden/three.gcode", "1");
    assert_int_equal(storage_find(&storage, "a")->size,
                     8); /* as it is shown: without hidden entries */
    assert_int_equal(storage_find(&storage, "a")->medium_bytes, 16);
    assert_int_equal(storage.root->size, 8);
    assert_int_equal(storage.root->entries, 8);
    assert_int_equal(storage_free_bytes(&storage), 1000 - 100 - 16);
    assert_int_equal(storage_find(&storage, "a/b/one.gcode")->modified_s, 100);
    assert_int_equal(storage_put(&storage, "a/two.gcode", bytes("12"), 200), STORAGE_OK);
    assert_int_equal(storage_find(&storage, "a/two.gcode")->modified_s, 200);
    assert_int_equal(storage.root->size, 7);
    assert_int_equal(storage_remove(&storage, "a/b", true, 300), STORAGE_OK);
    assert_int_equal(storage_find(&storage, "a")->modified_s, 300);
    assert_int_equal(storage.root->size, 2);
    assert_int_equal(storage.root->entries, 6);
    assert_null(storage_find(&storage, "a/b"));
    assert_true(file_path_hidden("a/.hidden/three.gcode") && file_path_hidden(".x") &&
                !file_path_hidden("a.b/c"));
    storage_free(&storage);
}

static void refusals_change_nothing(void **state)
{
    (void)state;
    struct storage storage;
    storage_init(&storage, "usb", STORAGE_LOCAL, NULL);
    storage.total_bytes = 10;
    put(&storage, "a/x", "12345");
    const struct file_node *root = storage.root;
    assert_int_equal(storage_put(&storage, "a", bytes(""), 1), STORAGE_EXISTS);
    assert_int_equal(storage_put(&storage, "a/x/y", bytes(""), 1), STORAGE_EXISTS);
    assert_int_equal(storage_make_folder(&storage, "a", 1), STORAGE_EXISTS);
    assert_int_equal(storage_make_folder(&storage, "a/x", 1), STORAGE_EXISTS);
    assert_int_equal(storage_make_folder(&storage, "a/x/y", 1), STORAGE_EXISTS);
    assert_int_equal(storage_remove(&storage, "a", false, 1), STORAGE_NOT_EMPTY);
    assert_int_equal(storage_remove(&storage, "b", true, 1), STORAGE_NOT_FOUND);
    assert_int_equal(storage_put(&storage, "y", bytes("123456"), 1), STORAGE_FULL);
    assert_int_equal(storage_put(&storage, "a/x", bytes("1234567890"), 1),
                     STORAGE_OK); /* in place of the old one */
    assert_int_equal(storage_set_read_only(&storage, "a/x", true), STORAGE_OK);
    assert_int_equal(storage_put(&storage, "a/x", bytes("1"), 1), STORAGE_READ_ONLY);
    assert_int_equal(storage_remove(&storage, "a", true, 1), STORAGE_READ_ONLY);
    storage.read_only = true;
    assert_int_equal(storage_put(&storage, "z", bytes("1"), 1), STORAGE_READ_ONLY);
    assert_int_equal(storage_make_folder(&storage, "z", 1), STORAGE_READ_ONLY);
    assert_int_equal(storage_remove(&storage, "a/x", true, 1), STORAGE_READ_ONLY);
    assert_ptr_equal(storage.root, root);
    expect_content(&storage, "a/x", "1234567890");
    storage_free(&storage);
}

static void a_change_leaves_other_owners_alone(void **state)
{
    (void)state;
    struct storage one, two;
    storage_init(&one, "one", STORAGE_LOCAL, NULL);
    put(&one, "a/x", "old");
    put(&one, "b/y", "y");
    storage_init(&two, "two", STORAGE_LOCAL, file_node_share(one.root));
    assert_ptr_equal(one.root, two.root);
    put(&two, "a/x", "newer");
    expect_content(&one, "a/x", "old");
    expect_content(&two, "a/x", "newer");
    assert_int_equal(one.root->size, 4);
    assert_int_equal(two.root->size, 6);
    assert_ptr_equal(storage_find(&one, "b"), storage_find(&two, "b"));
    assert_int_equal(storage_remove(&two, "b", true, 1), STORAGE_OK);
    expect_content(&one, "b/y", "y");
    storage_free(&one);
    expect_content(&two, "a/x", "newer");
    storage_free(&two);
}

/* A tree in memory against a plain list of what must be in it. */
static void random_changes_keep_the_sums_right(void **state)
{
    (void)state;
    struct storage storage, twin;
    storage_init(&storage, "usb", STORAGE_LOCAL, NULL);
    unsigned long sizes[27] = {0};
    bool there[27] = {false};
    unsigned seed = 1;
    for (int i = 0; i < 5000; i++) {
        seed = seed * 1103515245 + 12345;
        unsigned which = seed >> 16 & 0x7FFF, file = which % 27;
        char path[32];
        snprintf(path, sizeof path, "%u/%u/%u", file / 9, file / 3 % 3, file % 3);
        storage_init(&twin, "twin", STORAGE_LOCAL, file_node_share(storage.root));
        const uint64_t before = twin.root->size;
        if (which % 4 == 0) {
            assert_int_equal(storage_remove(&storage, path, false, i),
                             there[file] ? STORAGE_OK : STORAGE_NOT_FOUND);
            there[file] = false;
        } else {
            sizes[file] = which % 50;
            char text[64];
            snprintf(text, sizeof text, "%*s", (int)sizes[file], "");
            put(&storage, path, text);
            there[file] = true;
        }
        uint64_t sum = 0;
        for (unsigned j = 0; j < 27; j++) {
            sum += there[j] ? sizes[j] : 0;
        }
        assert_int_equal(storage.root->size, sum);
        assert_int_equal(storage.root->medium_bytes, sum);
        assert_int_equal(twin.root->size, before);
        storage_free(&twin);
    }
    storage_free(&storage);
}

/* --- paths --- */

static void bad_paths_are_refused(void **state)
{
    (void)state;
    char long_name[300], deep[200] = "a", huge[FILE_PATH_BYTES_MAX + 10];
    memset(long_name, 'n', 256);
    long_name[256] = '\0';
    for (int i = 0; i < FILE_DEPTH_MAX; i++) {
        strcat(deep, "/a");
    }
    for (size_t i = 0; i < sizeof huge - 1; i++) {
        huge[i] = i % 200 == 199 ? '/' : 'h';
    }
    huge[sizeof huge - 1] = '\0';
    const char *const bad[] = {
        "",
        "/",
        "/x",
        "..",
        "../x",
        "a/../../x",
        "a/..",
        ".",
        "./x",
        "a/./b",
        "a//b",
        "a/",
        "//x",
        long_name,
        deep,
        huge,
        "\xff",
        "a\xc3",
        "\xc0\xae\xc0\xae/x" /* ".." spelt over-long */,
        "\xed\xa0\x80" /* surrogate */,
        "\xf4\x90\x80\x80",
        "\xe2\x82",
        "a/\x80/b",
    };
    struct storage storage;
    storage_init(&storage, "usb", STORAGE_LOCAL, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(storage_put(&storage, bad[i], bytes("x"), 1), STORAGE_BAD_PATH);
        assert_int_equal(storage_make_folder(&storage, bad[i], 1), STORAGE_BAD_PATH);
        assert_int_equal(storage_remove(&storage, bad[i], true, 1), STORAGE_BAD_PATH);
        assert_true(bad[i][0] == '\0' || storage_find(&storage, bad[i]) == NULL);
    }
    assert_int_equal(storage.root->entries, 1);
    assert_false(file_path_good("a\0b", 3));
    static const char *const good[] = {"...",
                                       "..x",
                                       ".x",
                                       "a b",
                                       "\xc5\x99\xc3\xadzek.gcode",
                                       "\xf0\x9f\x98\x85",
                                       "a\\b",
                                       "C:x",
                                       "\xe2\x80\xae.gcode",
                                       "a\nb",
                                       "~"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(storage_put(&storage, good[i], bytes("x"), 1), STORAGE_OK);
        assert_non_null(storage_find(&storage, good[i]));
    }
    storage_free(&storage);
}

/* --- contents --- */

static void contents_are_read_in_pieces(void **state)
{
    (void)state;
    struct file_content *content = bytes("0123456789");
    char piece[4];
    struct error error;
    assert_int_equal(file_content_read(content, 8, piece, 4, &error), 2);
    assert_memory_equal(piece, "89", 2);
    assert_int_equal(file_content_read(content, 10, piece, 4, &error), 0);
    assert_int_equal(file_content_read(content, UINT64_MAX, piece, 4, &error), 0);
    file_content_release(content);
    assert_null(file_content_of_file("/nowhere/x", &error));
    assert_non_null(strstr(error.text, "/nowhere/x"));
    assert_null(file_content_of_file("/tmp", &error));
}

/* --- real directories --- */

struct place {
    char outside[64]; /* holds the storage's directory and a secret beside it */
    char inside[96];
    struct storage storage;
    char told[1024];
};

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect_file(const char *folder, const char *name, const char *text)
{
    char path[256], seen[256] = "";
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    seen[fread(seen, 1, sizeof seen - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(seen, text);
}

static void place_open(struct place *place)
{
    *place = (struct place){.outside = "/tmp/hotbed-storage-XXXXXX"};
    assert_non_null(mkdtemp(place->outside));
    snprintf(place->inside, sizeof place->inside, "%s/medium", place->outside);
    assert_int_equal(mkdir(place->inside, 0777), 0);
    write_file(place->outside, "secret", "secret");
    struct error error;
    assert_true(
        storage_init_directory(&place->storage, "local", STORAGE_LOCAL, place->inside, &error));
}

static void place_close(struct place *place)
{
    expect_file(place->outside, "secret", "secret");
    storage_free(&place->storage);
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", place->outside);
    assert_int_equal(system(command), 0);
}

static void note(void *owner, enum storage_change_kind kind, const char *path)
{
    struct place *place = owner;
    size_t used = strlen(place->told);
    snprintf(place->told + used, sizeof place->told - used, "%c%s ", "+*-"[kind], path);
}

static void expect_rescan(struct place *place, const char *told)
{
    place->told[0] = '\0';
    assert_int_equal(storage_rescan(&place->storage, note, place), STORAGE_OK);
    assert_string_equal(place->told, told);
}

static void a_directory_holds_what_is_put(void **state)
{
    (void)state;
    struct place place;
    place_open(&place);
    put(&place.storage, "a/b/one.gcode", "first");
    put(&place.storage, "a/b/one.gcode", "second");
    expect_file(place.inside, "a/b/one.gcode", "second");
    expect_content(&place.storage, "a/b/one.gcode", "second");
    assert_int_equal(storage_find(&place.storage, "a/b/one.gcode")->modified_s, 100);
    assert_int_equal(storage_make_folder(&place.storage, "c/d", 1), STORAGE_OK);
    assert_true(storage_total_bytes(&place.storage) > storage_free_bytes(&place.storage));
    expect_rescan(&place, ""); /* our own changes are known; no temporary file is left */
    assert_int_equal(storage_remove(&place.storage, "a", false, 1), STORAGE_NOT_EMPTY);
    assert_int_equal(storage_remove(&place.storage, "a", true, 1), STORAGE_OK);
    expect_rescan(&place, "");
    assert_null(storage_find(&place.storage, "a"));
    place_close(&place);
}

static void changes_from_outside_are_told(void **state)
{
    (void)state;
    struct place place;
    place_open(&place);
    char path[320];
    write_file(place.inside, "x.gcode", "1");
    snprintf(path, sizeof path, "%s/f", place.inside);
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(path, sizeof path, "%s/f/g", place.inside);
    assert_int_equal(mkdir(path, 0777), 0);
    write_file(place.inside, "f/one", "1");
    write_file(place.inside, "f/g/two", "2");
    expect_rescan(&place, "+f/g/two +f/one +f +x.gcode ");
    write_file(place.inside, "x.gcode", "12");
    expect_rescan(&place, "*x.gcode ");
    expect_content(&place.storage, "x.gcode", "12");
    snprintf(path, sizeof path, "rm -r '%s/f' && mkdir '%s/f'", place.inside, place.inside);
    assert_int_equal(system(path), 0);
    expect_rescan(&place, "-f/g/two -f/g -f/one ");
    snprintf(path, sizeof path, "rmdir '%s/f' && echo x > '%s/f'", place.inside, place.inside);
    assert_int_equal(system(path), 0);
    expect_rescan(&place, "-f +f ");
    place_close(&place);
}

/* Links, to files and to folders, and one that comes in after the tree was read: nothing goes
 * through them. */
static void links_lead_nowhere(void **state)
{
    (void)state;
    struct place place;
    place_open(&place);
    char link[160];
    put(&place.storage, "sub/x", "x");
    snprintf(link, sizeof link, "%s/up", place.inside);
    assert_int_equal(symlink(place.outside, link), 0);
    snprintf(link, sizeof link, "%s/stolen", place.inside);
    assert_int_equal(symlink("../secret", link), 0);
    snprintf(link, sizeof link, "%s/pipe", place.inside);
    assert_int_equal(mkfifo(link, 0666), 0);
    expect_rescan(&place, ""); /* they are not listed */
    assert_int_equal(storage_put(&place.storage, "up/secret", bytes("stolen"), 1), STORAGE_EXISTS);
    assert_int_equal(storage_put(&place.storage, "stolen", bytes("stolen"), 1), STORAGE_EXISTS);
    assert_int_equal(storage_put(&place.storage, "pipe", bytes("stolen"), 1), STORAGE_EXISTS);
    assert_int_equal(storage_make_folder(&place.storage, "up/made", 1), STORAGE_EXISTS);
    assert_int_equal(storage_remove(&place.storage, "up/secret", true, 1), STORAGE_NOT_FOUND);
    /* The folder that the tree knows becomes a link behind our back. */
    char command[400];
    snprintf(command, sizeof command,
             "rm -r '%s/sub' && cp '%s/secret' '%s/x' && ln -s .. '%s/sub'", place.inside,
             place.outside, place.outside, place.inside);
    assert_int_equal(system(command), 0);
    struct error error;
    char seen[16];
    const struct file_node *node = storage_find(&place.storage, "sub/x");
    assert_int_equal(file_content_read(node->content, 0, seen, sizeof seen, &error), -1);
    assert_int_equal(storage_put(&place.storage, "sub/x", bytes("gone"), 1), STORAGE_EXISTS);
    assert_int_equal(storage_remove(&place.storage, "sub/x", true, 1), STORAGE_EXISTS);
    expect_file(place.outside, "x", "secret");
    /* Removing a tree removes the links in it, not what they point to. */
    expect_rescan(&place, "-sub/x -sub ");
    put(&place.storage, "tree/y", "y");
    snprintf(command, sizeof command, "ln -s '%s' '%s/tree/link'", place.outside, place.inside);
    assert_int_equal(system(command), 0);
    assert_int_equal(storage_remove(&place.storage, "tree", true, 1), STORAGE_OK);
    expect_file(place.outside, "x", "secret");
    place_close(&place);
}

static void bad_paths_touch_nothing_on_disk(void **state)
{
    (void)state;
    struct place place;
    place_open(&place);
    static const char *const bad[] = {"../secret",      "../medium2", "/etc/hotbed",
                                      "a/../../secret", "..",         "."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(storage_put(&place.storage, bad[i], bytes("x"), 1), STORAGE_BAD_PATH);
        assert_int_equal(storage_make_folder(&place.storage, bad[i], 1), STORAGE_BAD_PATH);
        assert_int_equal(storage_remove(&place.storage, bad[i], true, 1), STORAGE_BAD_PATH);
    }
    expect_rescan(&place, "");
    assert_int_equal(access("/etc/hotbed", F_OK), -1);
    struct error error;
    struct storage none;
    char path[320];
    snprintf(path, sizeof path, "%s/secret", place.outside);
    assert_false(storage_init_directory(&none, "x", STORAGE_LOCAL, path, &error));
    assert_non_null(strstr(error.text, path));
    place_close(&place);
}

/* What is deeper than a path may be is left out, and removed nevertheless with what it is in. */
static void deep_trees_are_cut_off(void **state)
{
    (void)state;
    struct place place;
    place_open(&place);
    char path[64 + 2 * 60] = "deep";
    for (int i = 0; i < 50; i++) {
        strcat(path, "/d");
    }
    char command[512];
    snprintf(command, sizeof command, "mkdir -p '%s/%s'", place.inside, path);
    assert_int_equal(system(command), 0);
    expect_rescan(&place, "+deep ");
    assert_int_equal(place.storage.root->entries, 1 + FILE_DEPTH_MAX);
    assert_int_equal(storage_remove(&place.storage, "deep", true, 1), STORAGE_OK);
    snprintf(command, sizeof command, "%s/deep", place.inside);
    assert_int_equal(access(command, F_OK), -1);
    place_close(&place);
}

static void too_many_entries_are_refused(void **state)
{
    (void)state;
    struct storage storage;
    storage_init(&storage, "usb", STORAGE_LOCAL, NULL);
    struct file_node *wide = file_node_folder("", false, 0);
    for (int i = 1; i < STORAGE_ENTRIES_MAX - 1; i++) {
        file_node_add(wide, file_node_folder("x", false, 0));
    }
    file_node_release(storage.root);
    storage.root = wide;
    assert_int_equal(storage_make_folder(&storage, "a/b", 1), STORAGE_FULL);
    assert_int_equal(storage_make_folder(&storage, "a", 1), STORAGE_OK);
    assert_int_equal(storage_put(&storage, "c", bytes(""), 1), STORAGE_FULL);
    assert_int_equal(storage.root->entries, STORAGE_ENTRIES_MAX);
    storage_free(&storage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_knows_sizes_and_times),
        cmocka_unit_test(refusals_change_nothing),
        cmocka_unit_test(a_change_leaves_other_owners_alone),
        cmocka_unit_test(random_changes_keep_the_sums_right),
        cmocka_unit_test(bad_paths_are_refused),
        cmocka_unit_test(contents_are_read_in_pieces),
        cmocka_unit_test(a_directory_holds_what_is_put),
        cmocka_unit_test(changes_from_outside_are_told),
        cmocka_unit_test(links_lead_nowhere),
        cmocka_unit_test(bad_paths_touch_nothing_on_disk),
        cmocka_unit_test(deep_trees_are_cut_off),
        cmocka_unit_test(too_many_entries_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
