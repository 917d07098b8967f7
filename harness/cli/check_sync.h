#ifndef HOTBED_CLI_CHECK_SYNC_H
#define HOTBED_CLI_CHECK_SYNC_H

int cli_check_sync(int argc, char **argv); /* "hotbed check sync" */

#endif
