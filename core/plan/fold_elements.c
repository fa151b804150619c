/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Constant folding, element by element: arithmetic, comparisons and logic with broadcasting, functions of one array,
 * and Where. Integers are divided as C divides them. Another function is a row.
 */
#include "folders.h"

#include <math.h>
#include <string.h>

// y = f(a, b) of two arrays, with broadcasting.
typedef double Arithmetic(double a, double b);

typedef struct Binary {
    Arithmetic *function;
    int logical;                // the result is a truth value
    int divides;                // by b, which may not be 0 among integers
} Binary;

#define BINARY(name, f) static double name(double a, double b) { return f; }

BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a * b)
BINARY(divide, a / b)
BINARY(equal, a == b)
BINARY(greater, a > b)
BINARY(greater_equal, a >= b)
BINARY(less, a < b)
BINARY(less_equal, a <= b)
BINARY(both, a && b)
BINARY(either, a || b)
BINARY(one_of, !a != !b)

// Of the sign of b, as ONNX has it without fmod.
static double modulo(double a, double b)
{
    double r = fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static int fold_binary(GcamFold *fold)
{
    const Binary *binary = fold->folder->data;
    Arithmetic *function = gcam_node_int(fold->infer.node, "fmod", 0) ? fmod : binary->function;
    GcamShape shape;
    int integer = fold->in[0].integer, error = gcam_fold_broadcast_shape(fold, &shape);
    if (error || (error = gcam_fold_alloc(fold, &fold->out, &shape, integer || binary->logical)))
        return error;
    int64_t step[2][GCAM_MAX_RANK];
    for (int k = 0; k < 2; k++)
        gcam_fold_broadcast_steps(&fold->in[k].shape, &shape, step[k]);
    for (size_t i = 0, n = gcam_fold_count(&fold->out); i < n; i++) {
        double a = fold->in[0].data[gcam_fold_place(&shape, step[0], i)];
        double b = fold->in[1].data[gcam_fold_place(&shape, step[1], i)];
        if (binary->divides && integer && b == 0)
            return gcam_infer_bad(&fold->infer, "divides an integer by zero");
        double y = function(a, b);
        fold->out.data[i] = binary->divides && integer ? trunc(y) : y;
    }
    return 0;
}

// y = f(x) of one array.
typedef double Unary(double x);

static double negate(double x)
{
    return -x;
}

static double sign(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : 0;
}

static double invert(double x)
{
    return !x;
}

static int fold_unary(GcamFold *fold)
{
    Unary *const *function = fold->folder->data;
    int error = gcam_fold_alloc_like(fold, &fold->in[0].shape);
    for (size_t i = 0, n = error ? 0 : gcam_fold_count(&fold->out); i < n; i++)
        fold->out.data[i] = (*function)(fold->in[0].data[i]);
    return error;
}

static int fold_cast(GcamFold *fold)
{
    int to = (int)gcam_node_int(fold->infer.node, "to", GCAM_TYPE_NONE), integer = !gcam_data_is_float(to);
    int error = gcam_fold_alloc(fold, &fold->out, &fold->in[0].shape, integer);
    for (size_t i = 0, n = error ? 0 : gcam_fold_count(&fold->out); i < n; i++) {
        double x = fold->in[0].data[i];
        fold->out.data[i] = to == GCAM_TYPE_BOOL ? x != 0 : integer ? trunc(x) : x;
    }
    return error;
}

// Of a condition and two arrays, with broadcasting.
static int fold_where(GcamFold *fold)
{
    GcamShape shape;
    int error = gcam_fold_broadcast_shape(fold, &shape);
    if (error || (error = gcam_fold_alloc(fold, &fold->out, &shape, fold->in[1].integer)))
        return error;
    int64_t step[3][GCAM_MAX_RANK];
    for (int k = 0; k < 3; k++)
        gcam_fold_broadcast_steps(&fold->in[k].shape, &shape, step[k]);
    for (size_t i = 0, n = gcam_fold_count(&fold->out); i < n; i++) {
        int pick = fold->in[0].data[gcam_fold_place(&shape, step[0], i)] != 0 ? 1 : 2;
        fold->out.data[i] = fold->in[pick].data[gcam_fold_place(&shape, step[pick], i)];
    }
    return 0;
}

#define TWO(onnx, f, ...) { onnx, fold_binary, 2, 2, &(const Binary){ .function = f, __VA_ARGS__ } }
#define ONE(onnx, f) { onnx, fold_unary, 1, 1, &(Unary *const){ f } }

const GcamFolder gcam_folders_elements[] = {
    TWO("Add", add), TWO("Sub", sub), TWO("Mul", mul), TWO("Div", divide, .divides = 1),
    TWO("Mod", modulo, .divides = 1), TWO("Pow", pow), TWO("Min", fmin), TWO("Max", fmax),
    TWO("Equal", equal, .logical = 1), TWO("Greater", greater, .logical = 1),
    TWO("GreaterOrEqual", greater_equal, .logical = 1), TWO("Less", less, .logical = 1),
    TWO("LessOrEqual", less_equal, .logical = 1), TWO("And", both, .logical = 1), TWO("Or", either, .logical = 1),
    TWO("Xor", one_of, .logical = 1),
    ONE("Neg", negate), ONE("Abs", fabs), ONE("Sqrt", sqrt), ONE("Floor", floor), ONE("Ceil", ceil),
    ONE("Not", invert), ONE("Exp", exp), ONE("Log", log), ONE("Sin", sin), ONE("Cos", cos), ONE("Round", rint),
    ONE("Sign", sign), ONE("Tanh", tanh), ONE("Erf", erf),
    { "Cast", fold_cast, 1, 1, NULL }, { "Where", fold_where, 3, 3, NULL },
    { 0 },
};
