/* Presets: other defaults for options, under the name of the tool that they come from. */
#ifndef AXM_API_PRESETS_H
#define AXM_API_PRESETS_H

#include <stdint.h>

/* The value that the preset named `preset` gives to an option, as text; NULL: none. */
const char *axm_preset_value(const char *preset, const char *option);

#endif
