#include <stdint.h>
#include <assert.h>
#include <string.h>

#include "sim/protocol/connect/buddy_parse.h"

/* Any body of a command: it is understood or refused with a reason, and what it holds is ended. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct buddy_build plain = {.tool_properties = 1};
    static const struct buddy_build all = {.enclosure = true,
                                           .chamber = true,
                                           .light = true,
                                           .mapped_tools = BUDDY_MAPPED_TOOLS_MAX,
                                           .tool_properties = BUDDY_SLOTS};
    static struct buddy_command command;
    const struct buddy_build *const builds[] = {&plain, &all};
    for (int i = 0; i < 2; i++) {
        buddy_parse_json(&command, builds[i], 1, (const char *)data, size);
        assert(command.type != BUDDY_COMMAND_BROKEN || command.reason != NULL);
        assert(memchr(command.path, '\0', sizeof command.path) != NULL);
        assert(memchr(command.token, '\0', sizeof command.token) != NULL);
        assert(command.value.tool >= 0 && command.value.tool < BUDDY_SLOTS);
    }
    buddy_parse_gcode(&command, 1, (const char *)data, size);
    assert(command.gcode_size <= sizeof command.gcode);
    return 0;
}
