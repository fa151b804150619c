/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * UTF-8, and the sentences that the library says: what is a character, where a text is cut, what of it is printed.
 */
#include <errno.h>

#include "base/log.h"
#include "base/utf8.h"
#include "harness.h"

static void lengths(void)
{
    CHECK_INT(gcam_utf8_length("a"), 1);
    CHECK_INT(gcam_utf8_length(""), 1);
    CHECK_INT(gcam_utf8_length("\xC3\xB6"), 2);
    CHECK_INT(gcam_utf8_length("\xE2\x82\xAC"), 3);
    CHECK_INT(gcam_utf8_length("\xF0\x9F\x90\x95"), 4);
    static const char *const bad[] = {
        "\x80", "\xC3", "\xC3z", "\xC0\x80", "\xE0\x80\x80", "\xE2\x82", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF0\x9F\x90", "\xF8\x88\x80\x80\x80", "\xFF",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (gcam_utf8_length(bad[i]))
            fail("bad text %zu counts as a character of %zu bytes", i, gcam_utf8_length(bad[i]));
}

// Every place where a text can be cut: what is left are the characters that end before it, and no others go.
static void cuts(void)
{
    static const char text[] = "a\xC3\xB6\xE2\x82\xAC" "b\xF0\x9F\x90\x95" "c";
    for (size_t cut = 0; cut < sizeof(text); cut++) {
        char copy[sizeof(text)];
        size_t whole = 0;
        memcpy(copy, text, cut);
        copy[cut] = '\0';
        while (whole < cut && whole + gcam_utf8_length(text + whole) <= cut)
            whole += gcam_utf8_length(text + whole);
        gcam_utf8_trim(copy);
        if (strlen(copy) != whole)
            fail("cut at byte %zu leaves %zu bytes instead of %zu", cut, strlen(copy), whole);
    }
}

static void disarmed(void)
{
    char text[] = "a\x1b[2J\n\tb\x7F\xC2\x9B" "c\xC3\xB6\xFF\x9B\xE2\x82\xAC";
    gcam_utf8_disarm(text);
    CHECK_STR(text, "a [2J  b  c\xC3\xB6??\xE2\x82\xAC");
}

static char said[2048];

static void hear(void *opaque, enum GradcamLogLevel level, const char *message)
{
    *(int *)opaque = (int)level;
    snprintf(said, sizeof(said), "%s", message);
}

static void sentences(void)
{
    int level = -1;
    const GradcamLog log = { hear, &level }, silent = { 0 };
    CHECK_INT(gcam_fail(&log, -ENOENT, "file '%s': %m", "x\x1b]0;y\a"), -ENOENT);
    CHECK_INT(level, GRADCAM_LOG_ERROR);
    CHECK(strstr(said, "file 'x ]0;y ': No such file") == said);
    CHECK_INT(gcam_fail(&silent, -EIO, "nobody hears"), -EIO);
    CHECK_INT(gcam_fail(NULL, -EIO, "nobody hears"), -EIO);
    // 1023 bytes are the most, and the last may not be half of a character.
    static char text[1200];
    for (int before = 1019; before <= 1023; before++) {
        memset(text, 'x', (size_t)before);
        strcpy(text + before, "\xE2\x82\xAC\xE2\x82\xAC");
        gcam_log(&log, GRADCAM_LOG_INFO, "%s", text);
        CHECK_INT(level, GRADCAM_LOG_INFO);
        CHECK_INT(strlen(said), before == 1020 ? 1023 : before == 1019 ? 1022 : before);
    }
}

int main(void)
{
    RUN(lengths);
    RUN(cuts);
    RUN(disarmed);
    RUN(sentences);
    return end_cases();
}
