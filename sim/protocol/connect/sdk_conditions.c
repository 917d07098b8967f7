#include "sim/protocol/connect/sdk_state.h"

/* INTERNET > HTTP > TOKEN > API: each has one child, so a broken one breaks all behind it and a
 * good one repairs all before it (connect-sdk.md 11). */

static void set_one(struct connect_sdk *sdk, size_t condition, enum connect_condition_state state)
{
    if (sdk->conditions[condition] == state) {
        return;
    }
    sdk->conditions[condition] = (uint8_t)state;
    if (sdk->host_class->condition_changed != NULL) {
        sdk->host_class->condition_changed(sdk->host, (enum connect_condition)condition, state);
    }
}

void sdk_condition_set(struct connect_sdk *sdk, enum connect_condition condition,
                       enum connect_condition_state state)
{
    if (sdk->conditions[condition] == state) {
        return; /* what hangs on it was set with it */
    }
    set_one(sdk, condition, state);
    if (state == CONNECT_CONDITION_NOK) {
        for (size_t i = condition + 1; i < CONNECT_CONDITIONS; i++) {
            set_one(sdk, i, state);
        }
    } else if (state == CONNECT_CONDITION_OK) {
        for (size_t i = condition; i-- > 0;) {
            set_one(sdk, i, state);
        }
    }
}

enum connect_condition_state connect_sdk_condition(const struct connect_sdk *sdk,
                                                   enum connect_condition condition)
{
    return (enum connect_condition_state)sdk->conditions[condition];
}

void connect_sdk_set_condition(struct connect_sdk *sdk, enum connect_condition condition,
                               enum connect_condition_state state)
{
    sdk_condition_set(sdk, condition, state);
}

enum connect_condition connect_sdk_broken(const struct connect_sdk *sdk)
{
    for (size_t i = 0; i < CONNECT_CONDITIONS; i++) {
        if (sdk->conditions[i] == CONNECT_CONDITION_NOK) {
            return (enum connect_condition)i;
        }
    }
    return CONNECT_CONDITIONS;
}

bool connect_sdk_initialised(const struct connect_sdk *sdk)
{
    return sdk->type_known && sdk->serial != NULL && *sdk->serial != '\0' &&
           sdk->fingerprint != NULL && *sdk->fingerprint != '\0';
}

bool sdk_initialised(struct connect_sdk *sdk)
{
    bool initialised = connect_sdk_initialised(sdk);
    if (!initialised) {
        sdk_condition_set(sdk, CONNECT_API, CONNECT_CONDITION_NOK);
    }
    return initialised;
}
