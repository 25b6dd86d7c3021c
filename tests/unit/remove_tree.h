#ifndef AXM_TEST_REMOVE_TREE_H
#define AXM_TEST_REMOVE_TREE_H

/* Removes a folder with all that is in it; links are removed, not followed. */
void remove_tree(const char *path);

#endif
