/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The names of an enumeration's values.
 */
#ifndef GCAM_BASE_ENUM_NAMES_H
#define GCAM_BASE_ENUM_NAMES_H

#include <errno.h>
#include <string.h>

// Index of a name among `count` names, or -EINVAL. name may be NULL.
static inline int gcam_enum_find(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++)
        if (!strcmp(names[i], name))
            return i;
    return -EINVAL;
}

#endif
