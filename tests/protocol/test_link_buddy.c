/* The Buddy dialect of PrusaLink, byte for byte (prusalink.md, flavour B). */
#include "tests/protocol/firmware_bench.h"

#include <stdio.h>
#include <string.h>

static void answers_are_written_as_the_firmware_writes_them(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    assert_string_equal(
        firmware_ask(&printer, "GET", "/api/version", NULL, NULL),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0087\r\n"
        "{\"api\":\"2.0.0\",\"server\":\"2.1.2\",\"nozzle_diameter\":0.40,\"text\":\"PrusaLink\","
        "\"hostname\":\"prusa-mk4\",\"capabilities\":{\"upload-by-put\":true}}\r\n0\r\n\r\n");
    assert_string_equal(
        firmware_ask(&printer, "GET", "/api/v1/storage", "Connection: close\r\n", NULL),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        "{\"storage_list\":[{\"path\":\"/usb/\",\"name\":\"usb\",\"type\":\"USB\","
        "\"read_only\":false,\"available\":true}]}");
    firmware_ask(&printer, "GET", "/api/v1/status", NULL, NULL);
    assert_string_equal(
        firmware_body(&printer),
        "{\"storage\":{\"path\":\"/usb/\",\"name\":\"usb\",\"read_only\":false},\"printer\":{"
        "\"state\":\"IDLE\",\"temp_bed\":25.0,\"target_bed\":0.0,\"temp_nozzle\":25.0,"
        "\"target_nozzle\":0.0,\"axis_z\":0.0,\"axis_x\":0.0,\"axis_y\":0.0,\"flow\":100,"
        "\"speed\":100,\"fan_hotend\":0,\"fan_print\":0}}");
    firmware_ask(&printer, "GET", "/api/printer", NULL, NULL);
    assert_string_equal(
        firmware_body(&printer),
        "{\"telemetry\":{\"temp-bed\":25.0,\"temp-nozzle\":25.0,\"print-speed\":100,"
        "\"z-height\":0.0,\"material\":\"PLA\"},\"temperature\":{\"tool0\":{\"actual\":25.0,"
        "\"target\":0.0,\"display\":0.0,\"offset\":0},\"bed\":{\"actual\":25.0,\"target\":0.0,"
        "\"offset\":0}},\"state\":{\"text\":\"Operational\",\"flags\":{\"operational\":true,"
        "\"paused\":false,\"printing\":false,\"cancelling\":false,\"pausing\":false,"
        "\"error\":false,\"sdReady\":false,\"closedOnError\":false,\"ready\":true,"
        "\"busy\":false}}}");
    firmware_ask(&printer, "GET", "/api/job", NULL, NULL);
    assert_string_equal(firmware_body(&printer),
                        "{\"state\":\"Operational\",\"job\": null,\"progress\": null}");
    assert_string_equal(
        firmware_ask(&printer, "GET", "/api/settings", NULL, NULL),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n"
        "Content-Length: 15\r\n\r\n{\"printer\": {}}");
    assert_string_equal(
        firmware_ask(&printer, "GET", "/api/v1/job", NULL, NULL),
        "HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\n"
        "Content-Length: 0\r\n\r\n");
    firmware_end(&printer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_written_as_the_firmware_writes_them),
    };
    return cmocka_run_group_tests_name("link_buddy", tests, NULL, NULL);
}
