/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Einsum: a letter names each dimension of each operand, "..." those that are broadcast; y is the sum of products over
 * all letters that the result does not name. It is written operand by operand, from the left:
 *
 *     a letter twice in an operand   a * identity, summed over the second
 *     letters that nobody needs      ReduceSum
 *     two operands                   [shared and needed, left's own, summed] x [.., summed, right's own]: MatMul
 *
 * and a Transpose at the end. Dimensions of 1 are broadcast, as a product of matrices does with those before the last
 * two; a summed letter of 1 on one side alone is dropped there and summed on the other.
 */
#include "rewrite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MOST_OPERANDS = 16 };

// A value, and the letter of each of its dimensions. Those of "..." are the digits, '0' the last of them.
typedef struct Term {
    int value, rank;
    char letter[GCAM_MAX_RANK + 1];
} Term;

typedef struct Einsum {
    GcamRewrite *rewrite;
    Term term[MOST_OPERANDS];
    int terms;
    char result[GCAM_MAX_RANK + 1];
} Einsum;

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// ------------------------------------------------------------------------------------------------------- the equation

// One term of the equation, up to ',' or '-' or its end, for a value of `rank` dimensions, or, where that is -1, with
// `dots` dimensions for the "...". Returns where it ends, NULL where it is malformed.
static const char *read_term(const char *at, int rank, int dots, char letters[GCAM_MAX_RANK + 1])
{
    char before[GCAM_MAX_RANK + 1], after[GCAM_MAX_RANK + 1];
    int first = 0, last = 0, has_dots = 0;
    for (; *at && *at != ',' && *at != '-'; at++) {
        if (*at == ' ')
            continue;
        if (*at == '.') {
            if (has_dots || at[1] != '.' || at[2] != '.')
                return NULL;
            has_dots = 1;
            at += 2;
        } else if (!is_letter(*at) || first + last == GCAM_MAX_RANK) {
            return NULL;
        } else if (has_dots) {
            after[last++] = *at;
        } else {
            before[first++] = *at;
        }
    }
    if (rank >= 0)
        dots = rank - first - last;
    if (dots < 0 || (dots && rank >= 0 && !has_dots) || first + last + dots > GCAM_MAX_RANK)
        return NULL;
    dots = has_dots ? dots : 0;
    memcpy(letters, before, (size_t)first);
    for (int i = 0; i < dots; i++)
        letters[first + i] = (char)('0' + dots - 1 - i);
    memcpy(letters + first + dots, after, (size_t)last);
    letters[first + dots + last] = 0;
    return at;
}

// Without "->": the broadcast dimensions, then all letters that stand but once, by the alphabet.
static int implied_result(const Einsum *einsum, int dots, char result[GCAM_MAX_RANK + 1])
{
    int count = 0;
    while (dots > 0)
        result[count++] = (char)('0' + --dots);
    for (char c = 'A'; c <= 'z'; c++) {
        int times = 0;
        for (int i = 0; is_letter(c) && i < einsum->terms; i++)
            for (const char *l = einsum->term[i].letter; *l; l++)
                times += *l == c;
        if (times == 1 && count == GCAM_MAX_RANK)
            return -ENOTSUP;
        if (times == 1)
            result[count++] = c;
    }
    result[count] = 0;
    return 0;
}

static int read_equation(Einsum *einsum)
{
    const GcamNode *node = &einsum->rewrite->whole;
    const GcamInfer *infer = &einsum->rewrite->infer;
    const char *text = gcam_node_string(node, "equation", ""), *at = text;
    int dots = 0;
    if (node->inputs < 1 || node->inputs > MOST_OPERANDS)
        return gcam_infer_unsupported(infer, "%d operands", node->inputs);
    for (; einsum->terms < node->inputs; einsum->terms++) {
        Term *term = &einsum->term[einsum->terms];
        if (node->input[einsum->terms] < 0)
            return gcam_infer_bad(infer, "operand %d is missing", einsum->terms);
        term->value = node->input[einsum->terms];
        term->rank = gcam_rewrite_shape(einsum->rewrite, term->value)->rank;
        at = read_term(at, term->rank, 0, term->letter);
        if (!at || (einsum->terms + 1 < node->inputs && *at++ != ','))
            return gcam_infer_bad(infer, "equation '%.80s' does not fit its operands", text);
        for (const char *l = term->letter; *l; l++)
            dots = *l < 'A' && *l - '0' + 1 > dots ? *l - '0' + 1 : dots;
    }
    if (!*at)
        return implied_result(einsum, dots, einsum->result) < 0
                   ? gcam_infer_unsupported(infer, "more than %d dimensions", GCAM_MAX_RANK) : 0;
    if (at[0] != '-' || at[1] != '>' || !(at = read_term(at + 2, -1, dots, einsum->result)) || *at)
        return gcam_infer_bad(infer, "equation '%.80s' is malformed", text);
    for (const char *l = einsum->result; *l; l++) {
        int known = 0;
        for (int i = 0; i < einsum->terms; i++)
            known |= strchr(einsum->term[i].letter, *l) != NULL;
        if (!known || strchr(l + 1, *l))
            return gcam_infer_bad(infer, "equation '%.80s' does not name each dimension of its result once", text);
    }
    return 0;
}

// -------------------------------------------------------------------------------------------------------- its operands

static size_t size_of(const Einsum *einsum, const Term *term, char letter)
{
    const char *at = strchr(term->letter, letter);
    return at ? gcam_rewrite_shape(einsum->rewrite, term->value)->dim[at - term->letter] : 0;
}

// All that name a letter have the same size of it, or 1.
static int check_sizes(const Einsum *einsum)
{
    for (int i = 0; i < einsum->terms; i++)
        for (const char *l = einsum->term[i].letter; *l; l++)
            for (int k = 0; k < einsum->terms; k++) {
                const size_t a = size_of(einsum, &einsum->term[i], *l), b = size_of(einsum, &einsum->term[k], *l);
                if (b && a != b && a != 1 && b != 1)
                    return gcam_infer_bad(&einsum->rewrite->infer, "'%c' has %zu elements and %zu", *l, a, b);
            }
    return 0;
}

// Sums over one dimension, which is dropped.
static void sum_over(Einsum *einsum, Term *term, int dim)
{
    term->value = gcam_rewrite_reduce(einsum->rewrite, "ReduceSum", term->value, dim, 1, 0);
    memmove(term->letter + dim, term->letter + dim + 1, strlen(term->letter + dim));
    term->rank--;
}

// A letter that stands twice: only where both indices are the same.
static void take_diagonals(Einsum *einsum, Term *term)
{
    GcamRewrite *rewrite = einsum->rewrite;
    for (int i = 0; i < term->rank && !rewrite->error; i++) {
        const char *again;
        while (!rewrite->error && (again = strchr(term->letter + i + 1, term->letter[i]))) {
            const int k = (int)(again - term->letter);
            const GcamShape *shape = gcam_rewrite_shape(rewrite, term->value);
            GcamShape square = { shape->rank - i, { 0 } };
            const size_t n = shape->dim[i];
            float *data;
            for (int d = i; d < shape->rank; d++)
                square.dim[d - i] = d == i || d == k ? n : 1;
            int identity = shape->dim[k] == n ? gcam_rewrite_floats(rewrite, &square, &data) : -1;
            if (shape->dim[k] != n)
                rewrite->error = gcam_infer_bad(&rewrite->infer, "the diagonal of %zux%zu", n, shape->dim[k]);
            for (size_t d = 0; identity >= 0 && d < n; d++)
                data[d * n + d] = 1;
            term->value = gcam_rewrite_binary(rewrite, "Mul", term->value, identity, -1);
            sum_over(einsum, term, k);
        }
    }
}

// Whether a letter stands in the result or in an operand from `next` on.
static int is_needed(const Einsum *einsum, char letter, int next)
{
    int needed = strchr(einsum->result, letter) != NULL;
    for (int i = next; i < einsum->terms; i++)
        needed |= strchr(einsum->term[i].letter, letter) != NULL;
    return needed;
}

// Sums over what neither the other operand, those from `next` on nor the result have. What the other has with another
// size is of size 1 here or there, so that it is summed by itself too.
static void sum_own(Einsum *einsum, Term *term, const Term *other, int next)
{
    for (int i = term->rank - 1; i >= 0 && !einsum->rewrite->error; i--) {
        const char letter = term->letter[i];
        const size_t own = size_of(einsum, term, letter), others = other ? size_of(einsum, other, letter) : 0;
        if (!is_needed(einsum, letter, next) && (!others || others != own))
            sum_over(einsum, term, i);
    }
}

// Puts a term's letters in that order, and into the shape; a letter that it lacks is a dimension of 1.
static int arrange(Einsum *einsum, const Term *term, const char *order, const GcamShape *shape)
{
    int perm[GCAM_MAX_RANK], count = 0, moves = 0;
    for (const char *l = order; *l; l++) {
        const char *at = strchr(term->letter, *l);
        if (!at)
            continue;
        moves |= at - term->letter != count;
        perm[count++] = (int)(at - term->letter);
    }
    int value = moves ? gcam_rewrite_transpose(einsum->rewrite, term->value, perm, -1) : term->value;
    if (einsum->rewrite->error || gcam_shape_equal(gcam_rewrite_shape(einsum->rewrite, value), shape))
        return value;
    return gcam_rewrite_reshape(einsum->rewrite, value, shape, -1);
}

// The letters of two operands, as a product of matrices takes them.
typedef struct Letters {
    char batch[2 * GCAM_MAX_RANK + 1], left[GCAM_MAX_RANK + 1], right[GCAM_MAX_RANK + 1], summed[GCAM_MAX_RANK + 1];
} Letters;

static void append(char *list, char letter)
{
    const size_t length = strlen(list);
    list[length] = letter;
    list[length + 1] = 0;
}

static Letters sort_letters(const Einsum *einsum, const Term *a, const Term *b, int next)
{
    Letters letters = { "", "", "", "" };
    for (const char *l = a->letter; *l; l++) {
        char *shared = is_needed(einsum, *l, next) ? letters.batch : letters.summed;
        append(strchr(b->letter, *l) ? shared : letters.left, *l);
    }
    for (const char *l = b->letter; *l; l++)
        if (!strchr(a->letter, *l))
            append(letters.right, *l);
    return letters;
}

// [batch .., rows, columns] of a term, each of the latter two several letters.
static GcamShape matrix_shape(const Einsum *einsum, const Term *term, const char *batch, const char *rows,
                              const char *columns)
{
    GcamShape shape = { (int)strlen(batch) + 2, { 0 } };
    size_t *row = &shape.dim[shape.rank - 2], *column = row + 1;
    for (int i = 0; batch[i]; i++)
        shape.dim[i] = size_of(einsum, term, batch[i]);
    *row = *column = 1;
    for (; *rows; rows++)
        *row *= size_of(einsum, term, *rows);
    for (; *columns; columns++)
        *column *= size_of(einsum, term, *columns);
    return shape;
}

// a becomes the product of a and b, with the letters that are needed afterwards.
static void multiply(Einsum *einsum, Term *a, Term *b, int next)
{
    GcamRewrite *rewrite = einsum->rewrite;
    sum_own(einsum, a, b, next);
    sum_own(einsum, b, a, next);
    if (rewrite->error)
        return;
    const Letters l = sort_letters(einsum, a, b, next);
    const size_t batch = strlen(l.batch), left = strlen(l.left), right = strlen(l.right);
    if (batch + 2 > GCAM_MAX_RANK || batch + left + right > GCAM_MAX_RANK) {
        rewrite->error = gcam_infer_unsupported(&rewrite->infer, "a product of more than %d dimensions", GCAM_MAX_RANK);
        return;
    }
    char a_order[sizeof(Letters)], b_order[sizeof(Letters)];
    snprintf(a_order, sizeof(a_order), "%s%s%s", l.batch, l.left, l.summed);
    snprintf(b_order, sizeof(b_order), "%s%s%s", l.batch, l.summed, l.right);
    const GcamShape a_shape = matrix_shape(einsum, a, l.batch, l.left, l.summed);
    const GcamShape b_shape = matrix_shape(einsum, b, l.batch, l.summed, l.right);
    GcamShape shape = { (int)(batch + left + right), { 0 } };
    for (size_t i = 0; i < batch; i++)
        shape.dim[i] = a_shape.dim[i] > b_shape.dim[i] ? a_shape.dim[i] : b_shape.dim[i];
    for (size_t i = 0; i < left; i++)
        shape.dim[batch + i] = size_of(einsum, a, l.left[i]);
    for (size_t i = 0; i < right; i++)
        shape.dim[batch + left + i] = size_of(einsum, b, l.right[i]);
    int product = gcam_rewrite_binary(rewrite, "MatMul", arrange(einsum, a, a_order, &a_shape),
                                      arrange(einsum, b, b_order, &b_shape), -1);
    if (!rewrite->error && !gcam_shape_equal(gcam_rewrite_shape(rewrite, product), &shape))
        product = gcam_rewrite_reshape(rewrite, product, &shape, -1);
    *a = (Term){ .value = product, .rank = shape.rank };
    memcpy(a->letter, l.batch, batch);
    memcpy(a->letter + batch, l.left, left);
    memcpy(a->letter + batch + left, l.right, right + 1);
}

static int apply_einsum(GcamRewrite *rewrite)
{
    Einsum einsum = { .rewrite = rewrite };
    int error = read_equation(&einsum), perm[GCAM_MAX_RANK] = { 0 };
    if (error || (error = check_sizes(&einsum)))
        return error;
    Term *all = &einsum.term[0];
    for (int i = 0; i < einsum.terms; i++)
        take_diagonals(&einsum, &einsum.term[i]);
    for (int i = 1; i < einsum.terms && !rewrite->error; i++)
        multiply(&einsum, all, &einsum.term[i], i + 1);
    sum_own(&einsum, all, NULL, einsum.terms);
    for (int i = 0; einsum.result[i] && !rewrite->error; i++)
        perm[i] = (int)(strchr(all->letter, einsum.result[i]) - all->letter);
    if (all->rank)
        gcam_rewrite_transpose(rewrite, all->value, perm, rewrite->whole.output[0]);
    else
        gcam_rewrite_unary(rewrite, "Identity", all->value, rewrite->whole.output[0]);
    return gcam_rewrite_end(rewrite);
}

const GcamRewriteRule gcam_rewrite_rules_einsum[] = { { "Einsum", apply_einsum }, { 0 } };
