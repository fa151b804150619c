/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Text and pictures become parts of a page.
 */
#include "page.h"

#include <math.h>
#include <stdlib.h>

#include "tools/picture.h"
#include "tools/say.h"

enum { SIDE = 320 };            // pixels of a picture's longer side, at most

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:1rem;color:#1b1b1f;background:#fff}"
    "h1{font-size:1.6rem}h2{font-size:1.2rem;margin:2rem 0 .3rem}p{margin:.3rem 0}.note{color:#5c5c66}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}td,th{padding:.25rem .7rem;text-align:right;"
    "border-bottom:1px solid #ddd;white-space:nowrap}td:first-child,th:first-child{text-align:left}"
    "svg text{fill:currentColor;font:13px system-ui,sans-serif}.bar{fill:#3b7dd8}.line{stroke:currentColor;"
    "stroke-width:1.5}.inverse{fill:none;stroke:#c2571a;stroke-width:2}"
    ".pictures{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;max-width:100%}figure .frame{position:"
    "relative;display:inline-block}"
    "figure img{display:block;max-width:100%;height:auto}figure svg{position:absolute;inset:0;width:100%;height:100%}"
    "figcaption{font-size:.85rem;max-width:320px;overflow-wrap:anywhere}.truth{fill:none;stroke:#17c964;stroke-width:2}"
    ".found{fill:none;stroke:#fff;stroke-width:2;stroke-dasharray:5 4}"
    "@media(prefers-color-scheme:dark){body{color:#e8e8ec;background:#16161a}.note{color:#a0a0ab}"
    "td,th{border-color:#333}.bar{fill:#5a96ea}.inverse{stroke:#f08a4b}}";

void page_text(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        case '"': fputs("&quot;", out); break;
        default: fputc((unsigned char)*text < 0x20 ? ' ' : *text, out);
        }
}

void page_element(FILE *out, const char *name, const char *text)
{
    fprintf(out, "<%s>", name);
    page_text(out, text);
    fprintf(out, "</%s>", name);
}

static void write_base64(FILE *out, const uint8_t *data, size_t size)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < size; i += 3) {
        const unsigned second = i + 1 < size ? data[i + 1] : 0, third = i + 2 < size ? data[i + 2] : 0;
        const unsigned v = (unsigned)data[i] << 16 | second << 8 | third;
        fputc(digit[v >> 18], out);
        fputc(digit[v >> 12 & 63], out);
        fputc(i + 1 < size ? digit[v >> 6 & 63] : '=', out);
        fputc(i + 2 < size ? digit[v & 63] : '=', out);
    }
}

void page_begin(FILE *out, const char *title)
{
    fputs("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width="
          "device-width,initial-scale=1\">", out);
    page_element(out, "title", title);
    fprintf(out, "<style>%s</style></head><body>", style);
    page_element(out, "h1", title);
    fputc('\n', out);
}

void page_end(FILE *out)
{
    fputs("</body></html>\n", out);
}

// ------------------------------------------------------------------------------------------------------------ pictures

// The small picture with the map on it, as a JPEG in base64.
static int write_overlay(FILE *out, const Subject *s, const AVFrame *frame)
{
    const double scale = fmin(1, (double)SIDE / (frame->width > frame->height ? frame->width : frame->height));
    const int width = (int)fmax(1, rint(frame->width * scale)), height = (int)fmax(1, rint(frame->height * scale));
    const GradcamOverlaySettings look = { .size = sizeof(look) };
    GradcamOverlay *overlay = NULL;
    AVFrame *rgb = NULL, *small = av_frame_alloc();
    GradcamPicture picture;
    uint8_t *data = NULL;
    size_t size;
    int status = small ? picture_to_rgb8(&rgb, frame, s->item->file) : say_failure("out of memory");

    if (!status) {
        small->format = AV_PIX_FMT_RGB24;
        small->width = width;
        small->height = height;
        if (av_frame_get_buffer(small, 0) < 0 ||
            gradcam_resize_rgb(rgb->data[0], rgb->linesize[0], rgb->width, rgb->height, small->data[0],
                               small->linesize[0], width, height) || gcam_frame_picture(small, &picture) ||
            gradcam_overlay_create(&overlay, &look) ||
            gradcam_overlay_blend(overlay, &picture, s->shown, s->width, s->height, NULL, 0, 1))
            status = say_failure("out of memory");
    }
    if (!status)
        status = picture_encode(".jpg", small, &data, &size);
    if (!status) {
        fprintf(out, "<img width=\"%d\" height=\"%d\" alt=\"\" src=\"data:image/jpeg;base64,", width, height);
        write_base64(out, data, size);
        fputs("\">", out);
    }
    gradcam_overlay_free(&overlay);
    av_frame_free(&rgb);
    av_frame_free(&small);
    free(data);
    return status;
}

static void write_box(FILE *out, const char *kind, const Box *b)
{
    fprintf(out, "<rect class=\"%s\" vector-effect=\"non-scaling-stroke\" x=\"%g\" y=\"%g\" width=\"%g\" "
            "height=\"%g\"/>", kind, b->left, b->top, b->right - b->left, b->bottom - b->top);
}

static void write_boxes(FILE *out, const Subject *s, double threshold)
{
    GradcamRegion r;

    fprintf(out, "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\">", s->file_width, s->file_height);
    for (size_t i = 0; i < s->item->boxes; i++)
        write_box(out, "truth", &s->item->box[i]);
    if (gradcam_map_box(s->shown, s->width, s->height, s->width, s->height, (float)threshold, &r) == 1)
        write_box(out, "found", &(Box){ r.x * s->file_width, r.y * s->file_height, (r.x + r.width) * s->file_width,
                                        (r.y + r.height) * s->file_height });
    fputs("</svg>", out);
}

int page_overlay(FILE *out, const Subject *s, const AVFrame *frame, double threshold)
{
    fputs("<div class=\"frame\">", out);
    const int status = write_overlay(out, s, frame);
    write_boxes(out, s, threshold);
    fputs("</div>", out);
    return status;
}
