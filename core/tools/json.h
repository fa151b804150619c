/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writes JSON, indented. key is NULL inside of arrays. Strings that are not UTF-8 get U+FFFD for each wrong
 * byte.
 */
#ifndef GCAM_TOOLS_JSON_H
#define GCAM_TOOLS_JSON_H

#include <stdio.h>

typedef struct Json {
    FILE *out;
    int depth;
    int filled;                 // the innermost object or array has an element
} Json;

// bracket: '{' or '['.
void json_open(Json *json, const char *key, char bracket);
void json_close(Json *json, char bracket);
void json_string(Json *json, const char *key, const char *value);
// Nine digits, which tell any two floats apart; null when it is not finite.
void json_number(Json *json, const char *key, double value);
void json_integer(Json *json, const char *key, long long value);
void json_boolean(Json *json, const char *key, int value);

#endif
