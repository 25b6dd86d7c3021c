/* Colour maps that are data: 256 RGB entries each. */
#ifndef AXM_IMAGE_COLORMAP_TABLES_H
#define AXM_IMAGE_COLORMAP_TABLES_H

#include <stdint.h>

extern const uint8_t axm_table_jet[256][3];
extern const uint8_t axm_table_jet_opencv[256][3];
extern const uint8_t axm_table_viridis[256][3];
extern const uint8_t axm_table_turbo[256][3];

#endif
