/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of the reference: Einsum, over all values of all letters at once.
 */
#include "ops/reference_ops.h"

#include <string.h>

enum { MOST_LETTERS = 24 };

// The letters of a term, those of "..." as digits, '0' the last; returns the text behind it.
static const char *letters_of(const char *text, int rank, int dots, char *letters)
{
    size_t length = strcspn(text, ",-");
    int named = 0, count = 0;
    for (size_t i = 0; i < length; i++)
        named += text[i] != '.' && text[i] != ' ';
    dots = rank >= 0 ? rank - named : dots;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.') {
            for (int d = dots - 1; d >= 0; d--)
                letters[count++] = (char)('0' + d);
            i += 2;
        } else if (text[i] != ' ') {
            letters[count++] = text[i];
        }
    }
    letters[count] = 0;
    return text + length;
}

void op_einsum(Op *op)
{
    const char *at = attribute(op, "equation")->s;
    char letters[GRAPH_ARGS][MOST_LETTERS], result[MOST_LETTERS] = "", all[MOST_LETTERS] = "";
    size_t size[MOST_LETTERS], index[MOST_LETTERS], dim[GRAPH_RANK], own[GRAPH_RANK], total = 1;
    int dots = 0;
    for (int k = 0; k < op->node->inputs; k++) {
        at = letters_of(at, op->in[k]->rank, 0, letters[k]);
        at += *at == ',';
        for (int i = 0; letters[k][i]; i++) {
            const char letter[2] = { letters[k][i], 0 };
            if (*letter < 'A')
                dots = *letter - '0' + 1 > dots ? *letter - '0' + 1 : dots;
            if (!strchr(all, *letter)) {
                size[strlen(all)] = 1;
                strcat(all, letter);
            }
            size_t *n = &size[strchr(all, *letter) - all];
            *n = op->in[k]->dim[i] > *n ? op->in[k]->dim[i] : *n;
        }
    }
    if (*at) {
        letters_of(at + 2, -1, dots, result);
    } else {
        for (char c = '9'; c >= '0'; c--)
            if (strchr(all, c))
                strncat(result, &c, 1);
        for (char c = 'A'; c <= 'z'; c++) {
            int times = 0;
            for (int k = 0; k < op->node->inputs; k++)
                for (const char *l = letters[k]; *l; l++)
                    times += *l == c;
            if (times == 1)
                strncat(result, &c, 1);
        }
    }
    const int count = (int)strlen(all), rank = (int)strlen(result);
    for (int i = 0; i < rank; i++)
        dim[i] = size[strchr(all, result[i]) - all];
    for (int i = 0; i < count; i++)
        total *= size[i];
    RefTensor *y = out(op, 0, rank, dim);
    memset(y->data, 0, y->count * sizeof(*y->data));
    for (size_t n = 0; n < total; n++) {
        double product = 1;
        indices_of(n, count, size, index);
        for (int k = 0; k < op->node->inputs; k++) {
            for (int i = 0; letters[k][i]; i++)
                own[i] = op->in[k]->dim[i] == 1 ? 0 : index[strchr(all, letters[k][i]) - all];
            product *= op->in[k]->data[place_of(op->in[k]->rank, op->in[k]->dim, own)];
        }
        for (int i = 0; i < rank; i++)
            own[i] = index[strchr(all, result[i]) - all];
        y->data[place_of(rank, dim, own)] += product;
    }
}
