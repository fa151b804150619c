/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The zoo: exported graphs whose weights are made up anew from a formula.
 */
#ifndef TESTS_ZOO_H
#define TESTS_ZOO_H

// Puts NAME.onnx and NAME.weights of the zoo in the current directory. 1, or 0.
int zoo_fill(const char *zoo, const char *name);
// Removes both.
void zoo_remove(const char *name);

#endif
