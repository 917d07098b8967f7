#ifndef HOTBED_MOCKSERVERS_CONNECT_TREE_H
#define HOTBED_MOCKSERVERS_CONNECT_TREE_H

#include <cjson/cJSON.h>

/* The file tree of a printer as a server believes it, in the legacy form of connect-sdk.md 8.2:
 * told whole by INFO, by storage in MEDIUM_*, and by single nodes in FILE_CHANGED (8.5). `*root`
 * NULL: nothing told yet; free it with cJSON_Delete. `data` is that of the event; what makes no
 * sense changes nothing. */

void connect_tree_insert(cJSON **root, const cJSON *data);
void connect_tree_eject(cJSON **root, const cJSON *data);
void connect_tree_change(cJSON **root, const cJSON *data);

/* The node of "/PrusaLink gcodes/sub/x.gcode", the root for "/"; NULL: not there. */
const cJSON *connect_tree_find(const cJSON *root, const char *path);

#endif
