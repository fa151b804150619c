/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In: a text. Out: its dots as a map, to be laid over a picture as any other.
 */
#include "font.h"

#include <stdint.h>
#include <string.h>

// Space to tilde. A byte is a row, the first one on top; its bit 4 is the left one of five dots.
static const uint64_t glyphs[] = {
    0x0000000000000000, 0x0404040404000400, 0x0A0A0A0000000000, 0x0A0A1F0A1F0A0A00, 0x040F140E051E0400,
    0x1819020408130300, 0x0C12140815120D00, 0x0404080000000000, 0x0204080808040200, 0x0804020202040800,
    0x0004150E15040000, 0x0004041F04040000, 0x00000000000C0408, 0x0000001F00000000, 0x00000000000C0C00,
    0x0001020408100000, 0x0E11131519110E00, 0x040C040404040E00, 0x0E11010204081F00, 0x1F02040201110E00,
    0x02060A121F020200, 0x1F101E0101110E00, 0x0608101E11110E00, 0x1F01020408080800, 0x0E11110E11110E00,
    0x0E11110F01020C00, 0x000C0C000C0C0000, 0x000C0C000C040800, 0x0204081008040200, 0x00001F001F000000,
    0x0804020102040800, 0x0E11010204000400, 0x0E11010D15150E00, 0x0E1111111F111100, 0x1E11111E11111E00,
    0x0E11101010110E00, 0x1C12111111121C00, 0x1F10101E10101F00, 0x1F10101E10101000, 0x0E11101711110F00,
    0x1111111F11111100, 0x0E04040404040E00, 0x0702020202120C00, 0x1112141814121100, 0x1010101010101F00,
    0x111B151511111100, 0x1111191513111100, 0x0E11111111110E00, 0x1E11111E10101000, 0x0E11111115120D00,
    0x1E11111E14121100, 0x0F10100E01011E00, 0x1F04040404040400, 0x1111111111110E00, 0x11111111110A0400,
    0x1111111515150A00, 0x11110A040A111100, 0x1111110A04040400, 0x1F01020408101F00, 0x0E08080808080E00,
    0x0010080402010000, 0x0E02020202020E00, 0x040A110000000000, 0x0000000000001F00, 0x0804020000000000,
    0x00000E010F110F00, 0x1010161911111E00, 0x00000E1010110E00, 0x01010D1311110F00, 0x00000E111F100E00,
    0x0609081C08080800, 0x00000F11110F010E, 0x1010161911111100, 0x04000C0404040E00, 0x020006020202120C,
    0x1010121418141200, 0x0C04040404040E00, 0x00001A1515111100, 0x0000161911111100, 0x00000E1111110E00,
    0x00001E11111E1010, 0x00000F11110F0101, 0x0000161910101000, 0x00000E100E011E00, 0x08081C0808090600,
    0x0000111111130D00, 0x00001111110A0400, 0x0000111115150A00, 0x0000110A040A1100, 0x00001111110F010E,
    0x00001F0204081F00, 0x0204040804040200, 0x0404040404040400, 0x0804040204040800, 0x0000081500000000,
};

// The glyph at *text, which becomes the next character: bytes of UTF-8 that go on with one belong to it.
static uint64_t next_glyph(const char **text)
{
    const unsigned char c = (unsigned char)*(*text)++;

    while (((unsigned char)**text & 0xc0) == 0x80)
        ++*text;
    return glyphs[c >= ' ' && c <= '~' ? c - ' ' : '?' - ' '];
}

static size_t count_characters(const char *text)
{
    size_t count = 0;

    while (*text) {
        next_glyph(&text);
        count++;
    }
    return count;
}

static void draw_glyph(uint64_t glyph, int size, float *map, size_t columns)
{
    for (int y = 0; y < FONT_HEIGHT * size; y++)
        for (int x = 0; x < (FONT_WIDTH - 1) * size; x++)
            map[y * columns + x] = glyph >> (8 * (FONT_HEIGHT - 1 - y / size) + 4 - x / size) & 1;
}

size_t font_draw(const char *text, int size, size_t most, float *map)
{
    const size_t columns = most * FONT_WIDTH * size, count = count_characters(text);
    const size_t kept = count <= most ? count : most > 3 ? most - 3 : 0, drawn = count <= most ? count : most;

    memset(map, 0, columns * FONT_HEIGHT * size * sizeof(*map));
    for (size_t i = 0; i < drawn; i++)
        draw_glyph(i < kept ? next_glyph(&text) : glyphs['.' - ' '], size, map + i * FONT_WIDTH * size, columns);
    return drawn;
}
