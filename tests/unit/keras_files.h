/* Members of tests/golden/keras/networks.zip, tf.zip and applications.zip, for the tests of the Keras loader. */
#ifndef AXM_TEST_KERAS_FILES_H
#define AXM_TEST_KERAS_FILES_H

#include <stddef.h>
#include <stdint.h>

int keras_open(void **state); /* setup and teardown of a group */
int keras_close(void **state);
/* A member's bytes, which live until keras_close; fails the test when there is none. */
const uint8_t *keras_member(const char *name, size_t *size);
/* The same for large ones: lives until the next one is asked for. */
const uint8_t *keras_large_member(const char *name, size_t *size);
/* Writes a member to a file of its own in the working directory; path: capacity bytes. */
void keras_extract(const char *name, char *path, size_t capacity);

#endif
