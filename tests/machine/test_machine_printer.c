#include "tests/machine/bed.h"

#include "sim/machine/machine_parts.h"
#include "sim/printer/printer.h"

enum { PRINTERS = 1000 };

static struct file_node *farm_tree(void)
{
    struct storage storage;
    storage_init(&storage, "x", STORAGE_LOCAL, NULL);
    for (int i = 0; i < 50; i++) {
        char path[64];
        snprintf(path, sizeof path, "folder-%d/part-%d.gcode", i % 5, i);
        assert_int_equal(storage_put(&storage, path, file_content_of_bytes("G28\n", 4), 1),
                         STORAGE_OK);
    }
    struct file_node *tree = file_node_share(storage.root);
    storage_free(&storage);
    return tree;
}

/* What an idle printer needs besides its face and connection; the budget of all three is 4 KiB. */
static void an_idle_machine_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct machine) <= 1229);
    assert_true(sizeof(struct heater) <= 400);
}

static void a_thousand_printers_share_one_tree(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 1);
    struct file_node *tree = farm_tree();
    struct printer **printers = calloc(PRINTERS, sizeof *printers);
    assert_non_null(printers);
    for (uint64_t i = 0; i < PRINTERS; i++) {
        const struct printer_settings settings = {
            .model = model_find("mk3s"), .index = i, .room_c = NAN, .tree = tree};
        printers[i] = printer_new(&world, NULL, &settings, NULL);
        printer_power_on(printers[i]);
    }
    world_run(&world, SECONDS(60), NULL);
    assert_int_equal(tree->references, 1 + PRINTERS);
    assert_int_equal(timer_queue_next_us(&world.timers), INT64_MAX);
    /* One of them changes a file: the root and one folder are its own then, the rest is
     * everybody's. */
    struct machine *machine = printer_machine(printers[7]);
    struct storage *storage = machine_storage(machine, 0);
    char path[64];
    snprintf(path, sizeof path, "/%s/folder-1/new.gcode", storage->name);
    assert_int_equal(machine_put_file(machine, path, file_content_of_bytes("G28\n", 4)),
                     STORAGE_OK);
    assert_int_equal(tree->references, PRINTERS);
    unsigned shared = 0;
    for (uint32_t i = 0; i < storage->root->child_count; i++) {
        shared += storage->root->children[i] == tree->children[i];
    }
    assert_int_equal(shared, 4);
    assert_ptr_equal(storage_find(storage, "folder-1/part-1.gcode"),
                     file_node_child(file_node_child(tree, "folder-1"), "part-1.gcode"));
    assert_string_not_equal(machine_serial(machine), machine_serial(printer_machine(printers[8])));
    for (int i = 0; i < PRINTERS; i++) {
        printer_destroy(printers[i]);
    }
    assert_int_equal(tree->references, 1);
    file_node_release(tree);
    free(printers);
    world_free(&world);
}

static void a_settings_file_says_where_the_server_is(void **state)
{
    (void)state;
    static const char text[] =
        "[printer]\ntype = MK3S\nname = Left\nlocation = Shelf\n"
        "[service::connect]\nhostname = example.test\ntls = false\nport = 8000\n"
        "token = abc\n";
    struct printer_ini ini;
    struct error error;
    assert_true(printer_ini_parse(&ini, "x.ini", text, strlen(text), &error));
    assert_string_equal(ini.server, "http://example.test:8000");
    assert_string_equal(ini.token, "abc");
    assert_string_equal(ini.name, "Left");
    struct connect_face_settings settings;
    connect_face_defaults(&settings);
    printer_ini_apply(&ini, &settings);
    assert_ptr_equal(settings.server, ini.server);
    printer_ini_free(&ini);
    assert_false(printer_ini_parse(&ini, "x.ini", "[a\n", 3, &error));
    assert_non_null(strstr(error.text, "x.ini"));
    printer_ini_free(&ini);
    assert_false(printer_ini_load(&ini, "/nowhere/x.ini", &error));
    const struct printer_storage lost = {.name = "usb", .directory = "/nowhere/at/all"};
    struct world world;
    world_init(&world, 1);
    const struct printer_settings bad = {
        .model = model_find("mk3s"), .room_c = NAN, .storages = &lost, .storage_count = 1};
    assert_null(printer_new(&world, NULL, &bad, &error));
    assert_non_null(strstr(error.text, "/nowhere/at/all"));
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_machine_is_small),
        cmocka_unit_test(a_thousand_printers_share_one_tree),
        cmocka_unit_test(a_settings_file_says_where_the_server_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
