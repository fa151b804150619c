/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Version and error texts.
 */
#include <errno.h>
#include <stddef.h>

#include "gradcam.h"

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

const char *gradcam_version(void)
{
    return TEXT(GRADCAM_VERSION_MAJOR) "." TEXT(GRADCAM_VERSION_MINOR) "." TEXT(GRADCAM_VERSION_PATCH);
}

int gradcam_version_number(void)
{
    return GRADCAM_VERSION;
}

const char *gradcam_strerror(int error)
{
    static const struct {
        int error;
        const char *text;
    } texts[] = {
        { 0,            "success" },
        { -EINVAL,      "invalid argument" },
        { -ENOMEM,      "out of memory" },
        { -ENOENT,      "no such file, class or layer" },
        { -EBADMSG,     "malformed model" },
        { -ENOTSUP,     "the model uses something that is not supported" },
        { -EAGAIN,      "not ready yet" },
        { -EIO,         "input or output error" },
        { -EACCES,      "permission denied" },
        { -EPERM,       "operation not permitted" },
        { -EISDIR,      "is a directory" },
        { -ENOTDIR,     "not a directory" },
        { -ENOSPC,      "no space left on the device" },
        { -EROFS,       "read-only file system" },
        { -EMFILE,      "too many open files" },
        { -EFBIG,       "file too large" },
        { -EOVERFLOW,   "value too large" },
        { -ENAMETOOLONG, "file name too long" },
        { -ECANCELED,   "cancelled" },
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].error == error)
            return texts[i].text;
    return "unknown error";
}
