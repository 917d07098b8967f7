/* What servers of each flavour say, and transfers that are followed. */
#include "tests/clients/link_bed.h"

#include <math.h>
#include <string.h>

/* ---- Following ---- */

static void see_transfer(void *owner, const struct link_transfer *transfer)
{
    struct link_bed *bed = owner;
    bed->progress_calls++;
    assert_true(transfer->running && fabs(transfer->progress - 0.5) < 1e-9 &&
                transfer->size == 100);
}

static void follows_transfer(struct link_bed *bed)
{
    struct http_reply replies[] = {
        TEXT_REPLY(200,
                   "{\"type\":\"FROM_CLIENT\",\"size\":100,\"progress\":50.0,\"transferred\":50}"),
        TEXT_REPLY(500, ""),
        RAW_REPLY("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        TEXT_REPLY(
            200, "{\"type\":\"FROM_CLIENT\",\"size\":\"100\",\"progress\":0.5,\"transferred\":50}"),
        {.status = 204}};
    link_bed_script(bed, replies, 5);
    struct link_follow follow = {.period_us = MILLISECONDS(20), .progress = see_transfer};
    link_client_follow_transfer(bed->client, &follow, link_bed_keep, bed);
    link_bed_expect(bed, LINK_OK, NULL);
    assert_int_equal(bed->progress_calls, 2);
    assert_int_equal(bed->script_at, 5);
}

static void following_goes_on_after_what_passes(void **state)
{
    (void)state;
    link_bed_both(follows_transfer);
}

/* ---- What servers say ---- */

static void see_listing(void *owner, const struct link_result *result)
{
    link_bed_keep(owner, result);
    assert_int_equal(result->outcome, LINK_OK);
    const struct link_listing *listing = result->listing;
    assert_int_equal(listing->child_count, 2);
    assert_string_equal(listing->children[0].display_name, "a long name.gcode");
    assert_true(listing->children[0].read_only && listing->children[0].size == -1);
    assert_true(listing->children[1].folder && listing->children[1].size == 12);
    assert_string_equal(listing->children[1].display_name, "F");
    assert_string_equal(listing->etag, "\"77\"");
}

static void reads(struct link_bed *bed)
{
    struct http_reply listing = TEXT_REPLY(
        200,
        "{\"type\":\"FOLDER\",\"name\":\"usb\",\"ro\":false,\"children\":["
        "{\"name\":\"ALONGN~1.GCO\",\"ro\":true,\"type\":\"PRINT_FILE\",\"display_name\":\"a long "
        "name.gcode\"},"
        "{\"name\":\"F\",\"type\":\"FOLDER\",\"size\":12,\"read_only\":false,\"unknown\":[1]}]}");
    http_reply_header(&listing, "ETag", "\"77\"");
    struct http_reply replies[] = {listing, {.status = 304}, {.status = 204}};
    link_bed_script(bed, replies, 3);
    link_client_list(bed->client, "/usb/", NULL, see_listing, bed);
    link_bed_expect(bed, LINK_OK, "[GET /api/v1/files/usb]");
    link_client_list(bed->client, "/usb/", "\"77\"", link_bed_keep, bed);
    link_bed_expect(bed, LINK_OK, "[GET /api/v1/files/usb]");
    assert_int_equal(bed->status, 304);
    link_client_job(bed->client, link_bed_keep, bed);
    link_bed_expect(bed, LINK_OK, "[GET /api/v1/job]");
}

static void all_flavours_read_alike(void **state)
{
    (void)state;
    link_bed_both(reads);
}

/* ---- SL1 ---- */

static void see_resin_printer(void *owner, const struct link_result *result)
{
    link_bed_keep(owner, result);
    if (result->outcome != LINK_OK) {
        return;
    }
    if (result->status_report != NULL) {
        assert_int_equal(result->status_report->state, LINK_STATE_PRINTING);
        assert_string_equal(result->status_report->state_word, "Printing");
    } else if (result->storages != NULL) {
        assert_int_equal(result->storage_count, 1);
        assert_string_equal(result->storages[0].path, "/local");
        assert_int_equal(result->storages[0].free_space, 77);
    } else if (result->job != NULL) {
        assert_int_equal(result->job->id, result->job->state == LINK_STATE_IDLE ? -1 : 0);
    } else if (result->listing != NULL) {
        assert_true(result->listing->self.folder);
        assert_int_equal(result->listing->child_count, 2);
        assert_true(result->listing->children[0].folder);
        assert_string_equal(result->listing->children[1].type, "PRINT_FILE");
        assert_int_equal(result->listing->children[1].size, 5);
        assert_int_equal(result->listing->children[1].m_timestamp, 1700000000);
    }
}

#define CHILDREN                                                                                   \
    "[{\"name\":\"f\",\"type\":\"folder\",\"children\":[]},{\"name\":\"a.sl1\",\"type\":"          \
    "\"machinecode\",\"size\":5,\"date\":1700000000.5}]"

/* It has no /api/v1: what is known of it by its challenge is asked in its own words
 * (prusalink.md 1.2, 4). */
static void asks_a_resin_printer(struct link_bed *bed)
{
    struct http_reply replies[] = {
        TEXT_REPLY(200, "{\"state\":{\"text\":\"Printing\"}}"),
        TEXT_REPLY(200, "{\"files\":[],\"free\":77,\"total\":99}"),
        TEXT_REPLY(200, "{\"state\":\"Ready\"}"),
        TEXT_REPLY(200, "{\"state\":\"Printing\",\"job\":{\"file\":{\"name\":\"a.sl1\"}}}"),
        TEXT_REPLY(200, "{\"files\":" CHILDREN "}"),
        TEXT_REPLY(200, "{\"name\":\"f\",\"type\":\"folder\",\"children\":" CHILDREN "}"),
        {.status = 204},
        {.status = 204},
        {.status = 204},
        TEXT_REPLY(200, "{\"state\":{}}"),
    };
    link_bed_script(bed, replies, sizeof replies / sizeof *replies);
    bed->guard = LEGACY;
    bed->realm = "prusa-sl1";
    link_client_status(bed->client, see_resin_printer, bed);
    link_bed_expect(bed, LINK_OK, "[?GET /api/v1/status][GET /api/printer]");
    assert_int_equal(link_client_flavour(bed->client), LINK_FLAVOUR_SLA);
    link_client_storages(bed->client, see_resin_printer, bed);
    link_bed_expect(bed, LINK_OK, "[GET /api/files]");
    for (int i = 0; i < 2; i++) {
        link_client_job(bed->client, see_resin_printer, bed);
        link_bed_expect(bed, LINK_OK, "[GET /api/job]");
    }
    link_client_list(bed->client, "/local", NULL, see_resin_printer, bed);
    link_bed_expect(bed, LINK_OK, "[GET /api/files/local]");
    link_client_list(bed->client, "/local/f", NULL, see_resin_printer, bed);
    link_bed_expect(bed, LINK_OK, "[GET /api/files/local/f]");
    link_client_remove(bed->client, "/local/a b.sl1", false, link_bed_keep, bed);
    link_bed_expect(bed, LINK_OK, "[DELETE /api/files/local/a%20b.sl1]");
    link_client_print(bed->client, "/local/a.sl1", link_bed_keep, bed);
    link_bed_expect(bed, LINK_OK,
                    "[POST /api/files/local/a.sl1 {\"command\":\"select\",\"print\":true}]");
    link_client_job_command(bed->client, 0, LINK_JOB_STOP, link_bed_keep, bed);
    link_bed_expect(bed, LINK_OK, "[POST /api/job {\"command\":\"cancel\"}]");
    link_client_make_folder(bed->client, "/local/g", link_bed_keep, bed);
    link_bed_expect(bed, LINK_REFUSED, "");
    link_client_status(bed->client, see_resin_printer, bed);
    link_bed_expect(bed, LINK_WRONG_JSON, "[GET /api/printer]");
}

static void a_resin_printer_is_asked_in_its_own_words(void **state)
{
    (void)state;
    link_bed_both(asks_a_resin_printer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(following_goes_on_after_what_passes),
        cmocka_unit_test(all_flavours_read_alike),
        cmocka_unit_test(a_resin_printer_is_asked_in_its_own_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
