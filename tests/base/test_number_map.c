#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include "sim/base/number_map.h"
#include "sim/base/random.h"

enum { NUMBERS = 300, STEPS = 20000 };

static void nothing_is_in_an_empty_one(void **state)
{
    (void)state;
    struct number_map map = {0};
    size_t at = 0;
    assert_null(number_map_find(&map, 0));
    assert_null(number_map_take(&map, 7));
    assert_null(number_map_next(&map, &at));
    number_map_free(&map);
}

static void expect_all(const struct number_map *map, const bool *there, char *values)
{
    size_t count = 0, at = 0, seen = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        count += there[i];
    }
    assert_int_equal(map->count, count);
    for (const char *value; (value = number_map_next(map, &at)) != NULL; seen++) {
        assert_true(there[value - values]);
    }
    assert_int_equal(seen, count);
}

/* Against an array, with numbers that share their slots, too. */
static void it_holds_what_was_put_and_not_taken(void **state)
{
    (void)state;
    struct number_map map = {0};
    bool there[NUMBERS] = {false};
    char values[NUMBERS];
    struct random random = random_of(1, 1);
    for (int step = 0; step < STEPS; step++) {
        size_t i = (size_t)random_below(&random, NUMBERS);
        uint32_t number = (uint32_t)(i % 10 * 4096 + i / 10);
        assert_ptr_equal(number_map_find(&map, number), there[i] ? &values[i] : NULL);
        if (random_below(&random, 2) == 0) {
            number_map_put(&map, number, &values[i]);
            there[i] = true;
        } else {
            assert_ptr_equal(number_map_take(&map, number), there[i] ? &values[i] : NULL);
            there[i] = false;
        }
        if (step % 100 == 0) {
            expect_all(&map, there, values);
        }
    }
    number_map_free(&map);
}

static void the_last_one_put_is_found(void **state)
{
    (void)state;
    struct number_map map = {0};
    char first, second;
    number_map_put(&map, UINT32_MAX, &first);
    number_map_put(&map, UINT32_MAX, &second);
    assert_ptr_equal(number_map_find(&map, UINT32_MAX), &second);
    assert_int_equal(map.count, 1);
    number_map_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_in_an_empty_one),
        cmocka_unit_test(it_holds_what_was_put_and_not_taken),
        cmocka_unit_test(the_last_one_put_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
