#include <stdint.h>

#include "sim/protocol/connect/settings_ini.h"

/* No bytes whatever may make the reader of prusa_printer_settings.ini crash, hang or read outside.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {""};
    struct settings_ini *ini = settings_ini_parse("fuzz", (const char *)data, size, &error);
    if (ini != NULL) {
        struct settings_connect connect;
        struct settings_printer printer;
        settings_ini_connect(ini, &connect, &error);
        settings_ini_printer(ini, &printer, &error);
        settings_ini_destroy(ini);
    }
    return 0;
}
