/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gradcam models and fetch: the networks that have a name. The catalogue, models/catalogue.tsv, and what downloads,
 * models/fetch, lie among the installed data or beside the build directory.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "json.h"

#ifndef GCAM_DATADIR
#define GCAM_DATADIR "/usr/local/share"
#endif

#define FIELDS 13               // of a line; the head of catalogue.tsv has their order
enum { NAME = 0, BYTES = 2, SIZE = 4, LICENCE = 11, ABOUT = 12 };

static const Option models_options[] = {
    { "json", 0, NULL, "print JSON" },
    { "catalogue", 0, "FILE", "another catalogue" },
    { 0 }
};

static const Option fetch_options[] = {
    { "output", 'o', "DIR",
      "where to (default: the first of $GRADCAM_MODELS, else $XDG_DATA_HOME/gradcam, else ~/.local/share/gradcam: "
      "where -m NAME and model=NAME find it)" },
    { "base", 0, "URL", "address of a mirror, that the catalogue's paths are appended to; file:///DIR for a folder" },
    { "keep", 0, NULL, "keep what was downloaded beside NAME.bin" },
    { "onnx", 0, NULL, "download only, do not compile" },
    { "force", 0, NULL, "make a file that is already there anew" },
    { "timeout", 0, "SECONDS", "give a server up from which next to nothing comes in that time (default 60)" },
    { "catalogue", 0, "FILE", "another catalogue" },
    { 0 }
};

// ------------------------------------------------------------------------------------------------------- files

// The directory of the running program, without a slash at its end.
static int own_directory(char *path, size_t room)
{
    const ssize_t length = readlink("/proc/self/exe", path, room);
    char *slash;

    if (length <= 0 || (size_t)length >= room)
        return 0;
    path[length] = 0;
    slash = strrchr(path, '/');
    if (slash)
        *slash = 0;
    return slash != NULL;
}

// Finds a file of ours: installed, beside the build directory, or where it was installed before the program was moved.
// (Never where networks are: what lies there is somebody else's, and one of these files is run.)
static int find_data(const char *name, char *path, size_t room)
{
    static const char *const beside[] = { "../share/gradcam", "../../models" };
    char directory[PATH_MAX];
    const int has_own = own_directory(directory, sizeof(directory));

    for (size_t i = 0; has_own && i < sizeof(beside) / sizeof(beside[0]); i++)
        if ((size_t)snprintf(path, room, "%s/%s/%s", directory, beside[i], name) < room && !access(path, R_OK))
            return STATUS_OK;
    if ((size_t)snprintf(path, room, "%s/gradcam/%s", GCAM_DATADIR, name) < room && !access(path, R_OK))
        return STATUS_OK;
    return say_failure("%s, which belongs to gradcam, is neither in ../share/gradcam beside the program nor %s", name,
                       path);
}

static int find_catalogue(const Arguments *arguments, char *path, size_t room)
{
    const char *given = option_value(arguments, "catalogue");

    if (!given)
        return find_data("catalogue.tsv", path, room);
    snprintf(path, room, "%s", given);
    return STATUS_OK;
}

// ------------------------------------------------------------------------------------------------------ models

typedef struct Listing {
    Json json;
    int as_json;
    char **name;                // that were listed
    size_t names;
} Listing;

static int is_listed(const Listing *listing, const char *name)
{
    for (size_t i = 0; i < listing->names; i++)
        if (!strcmp(listing->name[i], name))
            return 1;
    return 0;
}

static int list(Listing *listing, const char *name, const char *const field[FIELDS])
{
    char path[PATH_MAX] = "";
    char **longer = realloc(listing->name, (listing->names + 1) * sizeof(*longer));

    if (longer)
        listing->name = longer;
    if (!longer || !(listing->name[listing->names] = strdup(name)))
        return say_failure("out of memory");
    listing->names++;
    if (gradcam_model_find(name, path, sizeof(path)))
        path[0] = 0;
    if (!listing->as_json) {
        if (field)
            printf("%-20s %8.1f MB  %-9s  %s, %s\n", name, strtod(field[BYTES], NULL) / 1e6, field[SIZE], field[ABOUT],
                   field[LICENCE]);
        if (*path)
            printf("%-20s %s\n", field ? "" : name, path);
        return STATUS_OK;
    }
    json_open(&listing->json, NULL, '{');
    json_string(&listing->json, "name", name);
    if (field) {
        json_integer(&listing->json, "bytes", strtoll(field[BYTES], NULL, 10));
        json_string(&listing->json, "size", field[SIZE]);
        json_string(&listing->json, "about", field[ABOUT]);
        json_string(&listing->json, "licence", field[LICENCE]);
    }
    json_string(&listing->json, "path", path);
    json_close(&listing->json, '}');
    return STATUS_OK;
}

static int list_line(Listing *listing, char *line, const char *path)
{
    const char *field[FIELDS];
    size_t fields = 0;

    line[strcspn(line, "\n")] = 0;
    if (!*line || *line == '#' || !strncmp(line, "base\t", 5))
        return STATUS_OK;
    for (char *at = line; fields < FIELDS && at; fields++)
        field[fields] = strsep(&at, "\t");
    if (fields < FIELDS)
        return say_failure("catalogue %s: a line without all of its %d columns: %s", path, FIELDS, field[NAME]);
    return list(listing, field[NAME], field);
}

static int list_catalogue(Listing *listing, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    int status = STATUS_OK;

    if (!file)
        return say_failure("cannot read catalogue %s: %s", path, strerror(errno));
    while (!status && getline(&line, &room, file) >= 0)
        status = list_line(listing, line, path);
    free(line);
    fclose(file);
    return status;
}

// Compiled networks of the user's own.
static int list_others(Listing *listing)
{
    char directory[PATH_MAX], name[NAME_MAX + 1];
    int status = STATUS_OK;

    for (size_t i = 0; gradcam_model_directory(i, directory, sizeof(directory)) != -ENOENT; i++) {
        DIR *entries = opendir(directory);
        for (struct dirent *entry; !status && entries && (entry = readdir(entries));) {
            const size_t length = strlen(entry->d_name);
            if (length < 5 || strcmp(entry->d_name + length - 4, ".bin"))
                continue;
            snprintf(name, sizeof(name), "%.*s", (int)length - 4, entry->d_name);
            if (!is_listed(listing, name))
                status = list(listing, name, NULL);
        }
        if (entries)
            closedir(entries);
    }
    return status;
}

static int run_models(const Arguments *arguments)
{
    Listing listing = { .json = { .out = stdout }, .as_json = option_given(arguments, "json") };
    char catalogue[PATH_MAX];
    int status = find_catalogue(arguments, catalogue, sizeof(catalogue));

    if (status)
        return status;
    if (listing.as_json)
        json_open(&listing.json, NULL, '[');
    status = list_catalogue(&listing, catalogue);
    if (!status)
        status = list_others(&listing);
    if (listing.as_json)
        json_close(&listing.json, ']');
    for (size_t i = 0; i < listing.names; i++)
        free(listing.name[i]);
    free(listing.name);
    return status;
}

// ------------------------------------------------------------------------------------------------------- fetch

// A command line that grows.
typedef struct Words {
    char *word[2 * 64 + 32];
    size_t count;
} Words;

static void free_words(Words *words)
{
    while (words->count)
        free(words->word[--words->count]);
}

// `before` and `text` as one word. What does not fit is left out, and told by the one who runs it.
static int add_word(Words *words, const char *before, const char *text)
{
    char *word = words->count + 1 < sizeof(words->word) / sizeof(words->word[0])
               ? malloc(strlen(before) + strlen(text) + 1) : NULL;

    if (!word)
        return say_failure("too many words for one command line");
    strcpy(word, before);
    words->word[words->count++] = strcat(word, text);
    words->word[words->count] = NULL;
    return STATUS_OK;
}

// Where networks go that the user says nothing of.
static int add_folder(Words *words)
{
    char folder[PATH_MAX];

    if (gradcam_model_directory(0, folder, sizeof(folder)))
        return say_usage("fetch", "neither GRADCAM_MODELS nor HOME is set: -o says where to");
    return add_word(words, "--output=", folder);
}

static int add_option(Words *words, const GivenOption *given)
{
    char name[64];

    if (!strcmp(given->option->name, "catalogue"))
        return STATUS_OK;
    snprintf(name, sizeof(name), "--%s%s", given->option->name, given->value ? "=" : "");
    return add_word(words, name, given->value ? given->value : "");
}

static int write_command(Words *words, const Arguments *arguments)
{
    char path[PATH_MAX];
    int status = find_data("fetch", path, sizeof(path));

    if (status || (status = add_word(words, "", "python3")) || (status = add_word(words, "", path)) ||
        (status = find_catalogue(arguments, path, sizeof(path))) || (status = add_word(words, "--catalogue=", path)))
        return status;
    if (!option_given(arguments, "output"))
        status = add_folder(words);
    for (size_t i = 0; !status && i < arguments->given_count; i++)
        status = add_option(words, &arguments->given[i]);
    if (!status)
        status = add_word(words, "", "--");
    for (size_t i = 0; !status && i < arguments->count; i++)
        status = add_word(words, "", arguments->argument[i]);
    return status;
}

// The script takes the place of this process; it compiles with this very program.
static int run_fetch(const Arguments *arguments)
{
    char program[PATH_MAX];
    Words words = { .count = 0 };
    int status = write_command(&words, arguments);

    if (!status) {
        const ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
        if (length > 0) {
            program[length] = 0;
            setenv("GRADCAM", program, 0);
        }
        execvp(words.word[0], words.word);
        status = say_failure("cannot run %s, which fetches networks: %s", words.word[0], strerror(errno));
    }
    free_words(&words);
    return status;
}

const Command command_models = {
    .name = "models",
    .summary = "the networks that have a name: what gradcam fetch knows, and what is there",
    .usage = "[OPTION]...",
    .examples = "  gradcam models\n",
    .options = { models_options },
    .run = run_models,
};

const Command command_fetch = {
    .name = "fetch",
    .summary = "download public networks, check and compile them; then their names are enough",
    .usage = "NAME... [OPTION]...",
    .examples =
        "  gradcam fetch resnet50\n"
        "  gradcam explain dog.jpg -m resnet50 -c dog -o overlay.png\n"
        "  ffmpeg -i in.mp4 -vf gradcam=model=resnet50:class=dog out.mp4\n",
    .options = { fetch_options },
    .least = 1,
    .most = 64,
    .run = run_fetch,
};
