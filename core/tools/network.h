/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Opening a network as the options say that several commands share.
 */
#ifndef GCAM_TOOLS_NETWORK_H
#define GCAM_TOOLS_NETWORK_H

#include "command.h"

extern const Option network_options[];

// path NULL: the built-in network. layer: the network's automatic choice from now on, or NULL: its own, as for commands
// that make maps, whose --layer may be several and is the context's. log must outlive the call only. Returns a status.
int network_open(GradcamModel **model, const Arguments *arguments, const char *path, const char *layer, SayLog *log);

// Says so when nothing tells how pixels become the network's input.
void network_warn(const GradcamModel *model, const char *path);

// Its name to show: that of its file.
const char *network_name(const char *path);

#endif
