#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "mockservers/connect/documents.h"
#include "mockservers/connect/merge.h"
#include "sim/base/random.h"

static const char *const no_state[] = {"state", "job_id", NULL};

static void members_take_the_places_of_those_known(void **state)
{
    (void)state;
    static const struct {
        const char *known, *fresh, *merged;
    } cases[] = {
        {"{}", "{}", "{}"},
        {"{}", "{\"state\": \"IDLE\"}", "{}"},
        {"{}", "{\"a\": 1.50, \"state\": \"IDLE\", \"b\": \"x\"}", "{\"a\":1.50,\"b\":\"x\"}"},
        {"{\"a\":1,\"b\":2}", "{\"b\": 3, \"c\": null}", "{\"a\":1,\"b\":3,\"c\":null}"},
        {"{\"a\":1,\"job_id\":2}", "{\"a\": [1, {\"b\": 2}], \"state\": 1}",
         "{\"a\":[1, {\"b\": 2}]}"},
        {"{\"s\":{\"x\":1,\"y\":2},\"t\":0}", "{\"s\": {\"y\": 3, \"z\": {}}}",
         "{\"s\":{\"x\":1,\"y\":3,\"z\":{}},\"t\":0}"},
        {"{\"s\":{\"x\":1}}", "{\"s\": 4}", "{\"s\":4}"},
        {"{\"s\":4}", "{\"s\" : {\"x\" : 1} }", "{\"s\":{\"x\" : 1}}"},
        {"{\"a\":\"}\"}", "{\"b\": \"\\\\\", \"c\": \"\\\"},{\"}",
         "{\"a\":\"}\",\"b\":\"\\\\\",\"c\":\"\\\"},{\"}"},
        /* unusual: over trees, so that numbers are printed anew */
        {"{\"a\":1}", "{\"a\": 2.50, \"\\u0061\": 3.50}", "{\"a\":3.5}"},
        {"{\"a\":1}", "{\"a\": 2, \"a\": 3.50}", "{\"a\":3.5}"},
        {"{\"a\":1}", "{\"a\": 2} behind it", "{\"a\":2}"},
        {"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}}}", "{\"a\":{\"b\":{\"c\":{\"d\":{\"f\":2}}}}}",
         "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1,\"f\":2}}}}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer out = {0};
        buffer_append_text(&out, "before ");
        json_merge(&out, slice_of(cases[i].known), slice_of(cases[i].fresh), no_state);
        assert_string_equal(out.bytes + strlen("before "), cases[i].merged);
        buffer_free(&out);
    }
}

static void a_byte_0_ends_no_text(void **state)
{
    (void)state;
    static const char fresh[] = "{\"a\": \"x\", \"tem\0\0\": 2.5, \"b\": 1}";
    struct buffer out = {0};
    json_merge(&out, slice_of("{\"a\":1}"), (struct slice){fresh, sizeof fresh - 1}, NULL);
    assert_string_equal(out.bytes, "{\"a\":\"x\",\"tem\":2.5,\"b\":1}");
    assert_int_equal(out.size, strlen(out.bytes));
    buffer_free(&out);
}

/* ---- against trees ---- */

static void merge_trees(cJSON *into, const cJSON *from)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, from)
    {
        cJSON *old = cJSON_GetObjectItemCaseSensitive(into, item->string);
        if (cJSON_IsObject(old) && cJSON_IsObject(item)) {
            merge_trees(old, item);
        } else if (old != NULL) {
            cJSON_ReplaceItemInObjectCaseSensitive(into, item->string, cJSON_Duplicate(item, true));
        } else {
            cJSON_AddItemToObject(into, item->string, cJSON_Duplicate(item, true));
        }
    }
}

static cJSON *any_object(struct random *random, int depth)
{
    static const char *const names[] = {"a", "b", "ab", "temp_bed", "temp \"x\"", "state", "", "é"};
    cJSON *object = cJSON_CreateObject();
    uint64_t count = random_below(random, 9);
    for (uint64_t i = 0; i < count; i++) {
        const char *name = names[random_below(random, 8)];
        cJSON *value = NULL;
        switch (random_below(random, depth < 6 ? 5 : 3)) {
        case 0:
            value = cJSON_CreateNumber((double)random_below(random, 100) / 8);
            break;
        case 1:
            value = cJSON_CreateString(names[random_below(random, 8)]);
            break;
        case 2:
            value = cJSON_CreateIntArray((const int[]){1, 2, 3}, 3);
            break;
        default:
            value = any_object(random, depth + 1);
        }
        cJSON_AddItemToObject(object, name, value); /* the same name twice now and then */
    }
    return object;
}

static void texts_are_merged_as_trees_are(void **state)
{
    (void)state;
    struct random random = random_of(7, 7);
    struct buffer known = {0}, merged = {0};
    buffer_append_text(&known, "{}");
    cJSON *tree = cJSON_CreateObject();
    for (int i = 0; i < 800; i++) {
        cJSON *fresh = any_object(&random, 0);
        char *text = i % 2 == 0 ? cJSON_Print(fresh) : cJSON_PrintUnformatted(fresh);
        buffer_clear(&merged);
        json_merge(&merged, (struct slice){known.bytes, known.size}, slice_of(text), NULL);
        merge_trees(tree, fresh);
        cJSON *read = cJSON_Parse(merged.bytes);
        char *a = cJSON_PrintUnformatted(read), *b = cJSON_PrintUnformatted(tree);
        assert_string_equal(a, b); /* in the same order */
        buffer_clear(&known);
        buffer_append_text(&known, i % 50 == 0 ? "{}" : merged.bytes);
        if (i % 50 == 0) {
            cJSON_Delete(tree);
            tree = cJSON_CreateObject();
        }
        free(a);
        free(b);
        free(text);
        cJSON_Delete(read);
        cJSON_Delete(fresh);
    }
    cJSON_Delete(tree);
    buffer_free(&known);
    buffer_free(&merged);
}

/* ---- documents ---- */

static void equal_texts_are_kept_once(void **state)
{
    (void)state;
    enum { TEXTS = 500 };
    struct documents documents = {0};
    struct document *kept[TEXTS];
    for (int i = 0; i < TEXTS; i++) {
        char text[32];
        int size = snprintf(text, sizeof text, "{\"n\":%d}", i % (TEXTS / 2));
        kept[i] = documents_keep(&documents, text, (size_t)size);
    }
    assert_int_equal(documents.count, TEXTS / 2);
    assert_ptr_equal(kept[0], kept[TEXTS / 2]);
    const cJSON *tree = documents_look(&documents, kept[3]);
    assert_int_equal(cJSON_GetObjectItem(tree, "n")->valueint, 3);
    for (int i = 0; i < TEXTS; i++) {
        documents_release(&documents, kept[i]);
        struct document *again = documents_keep(&documents, "{\"n\":9}", 7);
        assert_string_equal(again->text, "{\"n\":9}");
        documents_release(&documents, again);
    }
    assert_int_equal(documents.count, 0);
    assert_null(documents_look(&documents, NULL));
    assert_null(document_read(NULL));
    documents_free(&documents);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_take_the_places_of_those_known),
        cmocka_unit_test(a_byte_0_ends_no_text),
        cmocka_unit_test(texts_are_merged_as_trees_are),
        cmocka_unit_test(equal_texts_are_kept_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
