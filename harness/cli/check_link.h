#ifndef HOTBED_CLI_CHECK_LINK_H
#define HOTBED_CLI_CHECK_LINK_H

int cli_check_link(int argc, char **argv); /* "hotbed check prusalink" */

int cli_check_link_client(int argc, char **argv); /* "hotbed check prusalink-client" */

#endif
