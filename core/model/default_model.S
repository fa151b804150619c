/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The network that is built into the library: models/default.bin as it is, between gcam_default_model and
 * gcam_default_model_end, aligned as a mapped file is. The build passes its path as GCAM_DEFAULT_MODEL, and
 * GCAM_HAVE_DEFAULT_MODEL to the C sources.
 */
    .section .rodata, "a"
    .balign 4096
    .globl gcam_default_model
    .hidden gcam_default_model
gcam_default_model:
    .incbin GCAM_DEFAULT_MODEL
    .globl gcam_default_model_end
    .hidden gcam_default_model_end
gcam_default_model_end:
    .byte 0

    .section .note.GNU-stack, "", %progbits
