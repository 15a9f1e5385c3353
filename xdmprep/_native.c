/* The compiled kernels: record ends and columns of CSV, escaping and joining JSON, automata, hashes and groups.
 *
 * kernels/interface.py says what each function gives, and kernels/_c.py calls it.  Where this file was not compiled,
 * kernels/_numpy.py gives the same bytes with numpy and Arrow, in several passes instead of one; tests compare the two
 * with each other, and both with Arrow's parser and Python's json.
 *
 * Conventions: arrays come as objects with the buffer protocol, texts as Arrow has them (int32 offsets into bytes).
 * Memory for results comes from the callable `allocate(size)`, so that it is Arrow's; some bytes more than needed are
 * asked for (SLACK), because short texts are copied 32 bytes at a time.  The interpreter lock is released during all
 * loops.  Only Python's stable interface of version 3.11 is used, so that one build serves all later versions.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if (defined(__SSE2__) || defined(_M_X64)) && !defined(PORTABLE) /* -DPORTABLE: to test what other processors run */
#include <emmintrin.h>
#define HAVE_SSE2 1
#endif
#ifdef _WIN32
#include <io.h>
#define write_some(file, data, size) _write((file), (data), (unsigned)(size))
#else
#include <unistd.h>
#define write_some(file, data, size) write((file), (data), (size))
#endif
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
static inline int first_bit(uint64_t word) {
    unsigned long at;
    _BitScanForward64(&at, word);
    return (int)at;
}
static inline int last_bit(uint64_t word) {
    unsigned long at;
    _BitScanReverse64(&at, word);
    return (int)at;
}
#else
#define first_bit(word) __builtin_ctzll(word)
#define last_bit(word) (63 - __builtin_clzll(word))
#endif

static inline int count_bits(uint64_t word) { /* compilers know a quick way only for newer processors */
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (int)(word * 0x0101010101010101u >> 56);
}

#define SLACK 64

/* ---- Buffers that are held during a call ---------------------------------------------------------------------- */

typedef struct {
    Py_buffer *views;
    Py_ssize_t count, room;
} Held;

static void held_release(Held *held) {
    for (Py_ssize_t i = 0; i < held->count; i++) PyBuffer_Release(&held->views[i]);
    PyMem_Free(held->views);
    held->views = NULL;
    held->count = held->room = 0;
}

/* The bytes of `object`, at least `size` of them; NULL with an exception set.  None gives NULL without one. */
static void *held_bytes(Held *held, PyObject *object, Py_ssize_t size, int writable, Py_ssize_t *found) {
    if (object == Py_None) {
        if (found) *found = 0;
        return NULL;
    }
    if (held->count == held->room) {
        Py_ssize_t room = held->room ? held->room * 2 : 32;
        Py_buffer *more = PyMem_Realloc(held->views, (size_t)room * sizeof(Py_buffer));
        if (!more) {
            PyErr_NoMemory();
            return NULL;
        }
        held->views = more;
        held->room = room;
    }
    Py_buffer *view = &held->views[held->count];
    if (PyObject_GetBuffer(object, view, writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0) return NULL;
    held->count++;
    if (view->len < size) {
        PyErr_Format(PyExc_ValueError, "a buffer of %zd bytes is too short, %zd are needed", view->len, size);
        return NULL;
    }
    if (found) *found = view->len;
    return view->buf;
}

/* The same for `count` items of `width` bytes. */
static void *held_items(Held *held, PyObject *object, Py_ssize_t count, Py_ssize_t width, Py_ssize_t *found) {
    if (count < 0 || count > PY_SSIZE_T_MAX / width) {
        PyErr_Format(PyExc_ValueError, "%zd items", count);
        return NULL;
    }
    void *bytes = held_bytes(held, object, count * width, 0, found);
    if (!bytes) return NULL;
    const Py_ssize_t size = held->views[held->count - 1].itemsize;
    if (size != 1 && size != width) {
        PyErr_Format(PyExc_TypeError, "items of %zd bytes, not of %zd", size, width);
        return NULL;
    }
    if ((uintptr_t)bytes % (size_t)width) {
        PyErr_Format(PyExc_ValueError, "items that do not begin at a multiple of %zd", width);
        return NULL;
    }
    return bytes;
}

/* The same for bytes that must be there: None is an error, too. */
static const void *held_needed(Held *held, PyObject *object, Py_ssize_t *found) {
    if (object == Py_None) {
        PyErr_SetString(PyExc_TypeError, "a bytes-like object is needed, not None");
        return NULL;
    }
    return held_bytes(held, object, 0, 0, found);
}

/* Raise TypeError where an item of a list is no tuple (it may also be NULL, with an exception set). */
static int is_tuple(PyObject *item) {
    if (item && !PyTuple_Check(item)) PyErr_SetString(PyExc_TypeError, "an item is no tuple");
    return item && PyTuple_Check(item);
}

/* A new buffer of `size` bytes and SLACK more; a new reference, its address in `at`. */
static PyObject *allocated(Held *held, PyObject *allocate, Py_ssize_t size, void *at) {
    PyObject *made = PyObject_CallFunction(allocate, "n", size + SLACK);
    if (!made) return NULL;
    void *bytes = held_bytes(held, made, size + SLACK, 1, NULL);
    if (!bytes) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "allocate gave nothing");
        Py_DECREF(made);
        return NULL;
    }
    *(void **)at = bytes;
    return made;
}

static int append_stolen(PyObject *list, PyObject *item) {
    if (!item) return -1;
    int failed = PyList_Append(list, item);
    Py_DECREF(item);
    return failed;
}

/* Copy n bytes; up to 32 bytes more may be written behind them, and none are read at or behind `from_end`. */
static inline void copy_text(uint8_t *to, const uint8_t *from, size_t n, const uint8_t *from_end) {
    if (n <= 32 && from_end - from >= 32) {
        memcpy(to, from, 32); /* a few instructions, whatever n is */
    } else {
        memcpy(to, from, n);
    }
}

/* ---- Characters of interest, 64 bytes at a time --------------------------------------------------------------- */

typedef struct {
    uint8_t delimiter, quote;
} Dialect;

/* For 64 bytes a bit each: what stands there, and whether it is beyond the text's end. */
typedef struct {
    uint64_t quote, delimiter, line, back, beyond;
} Marks;

static inline uint64_t equal_bits(const uint8_t *at, uint8_t code) {
#ifdef HAVE_SSE2
    const __m128i wanted = _mm_set1_epi8((char)code);
    uint64_t bits = 0;
    for (int i = 0; i < 4; i++) {
        __m128i piece = _mm_loadu_si128((const __m128i *)(at + 16 * i));
        bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(piece, wanted)) << (16 * i);
    }
    return bits;
#else
    uint64_t bits = 0;
    for (int i = 0; i < 64; i++) bits |= (uint64_t)(at[i] == code) << i;
    return bits;
#endif
}

/* Of the 64 bytes at `at`, or as many as there are up to `end`. */
static inline Marks marks_of(const uint8_t *at, const uint8_t *end, Dialect dialect) {
    uint8_t spare[64] = {0};
    uint64_t beyond = 0;
    if (end - at < 64) {
        beyond = ~(uint64_t)0 << (end - at);
        memcpy(spare, at, (size_t)(end - at));
        at = spare;
    }
    Marks marks = {equal_bits(at, dialect.quote) & ~beyond, equal_bits(at, dialect.delimiter) & ~beyond,
                   equal_bits(at, '\n') & ~beyond, equal_bits(at, '\r') & ~beyond, beyond};
    return marks;
}

/* What is known of quotes from word to word. */
typedef struct {
    uint64_t inside;  /* all ones while a quote is open */
    uint64_t edge;    /* 1 if the byte before was an edge: a delimiter, line end or quote */
    uint64_t closing; /* 1 if the byte before closed a quote, so that an edge must follow */
    uint64_t stray;   /* the bits of this word where a quote is an ordinary character, or follows such a one */
} Quotes;

static const Quotes QUOTES_BEGIN = {0, 1, 0, 0};

/* The bits from an opening quote (itself included) to the one that closes it (excluded).
 *
 * They hold up to the first stray quote: one that neither begins nor ends a value.  From there on the record has to be
 * read character by character. */
static inline uint64_t inside_bits(Quotes *state, Marks marks) {
    uint64_t edge = marks.quote | marks.delimiter | marks.line | marks.back | marks.beyond;
    uint64_t inside = state->inside;
    state->stray = 0;
    if (marks.quote | state->closing) {
        uint64_t parity = marks.quote;
        for (int shift = 1; shift < 64; shift <<= 1) parity ^= parity << shift;
        inside ^= parity;
        uint64_t opening = marks.quote & inside, closing = marks.quote & ~inside;
        state->stray = opening & ~(edge << 1 | state->edge);
        state->stray |= closing & ~(edge >> 1) & ~((uint64_t)1 << 63);
        state->stray |= state->closing & ~edge;
        state->inside = (uint64_t)0 - (inside >> 63);
        state->closing = closing >> 63;
    }
    state->edge = edge >> 63;
    return inside;
}

/* The bits below the lowest one of a word; all where it is zero. */
static inline uint64_t below_lowest(uint64_t word) { return word ? (word & (~word + 1)) - 1 : ~(uint64_t)0; }

static inline int is_line_end(uint8_t byte) { return byte == '\n' || byte == '\r'; }

enum { DONE = 0, UNCLOSED = 1, NO_MEMORY = 2 };

/* Where the values of a text end: at a delimiter, a line end, or the end of the text. */
typedef struct {
    uint32_t *at;
    size_t used, room;
    int failed; /* no memory */
} Ends;

static int ends_reserve(Ends *ends, size_t more) {
    if (ends->room - ends->used >= more) return DONE;
    const size_t room = ends->room + ends->room / 2 + more;
    uint32_t *const at = realloc(ends->at, room * sizeof *at);
    if (!at) {
        ends->failed = 1;
        return NO_MEMORY;
    }
    ends->at = at;
    ends->room = room;
    return DONE;
}

/* Read one record character by character, empty lines before it included: the rule that all other ways follow.
 *
 * A value that begins with a quote goes on to the next quote that is not doubled, and what follows up to the delimiter
 * or line end belongs to it, too.  Any other value ends at a delimiter or line end, quotes in it are ordinary.  A line
 * ends with a line feed, a carriage return, or both.
 *
 * Gives where the next record begins; NULL where a quote is open at `stop`, or without memory (`ends` may be NULL). */
static const uint8_t *read_record(const uint8_t *data, const uint8_t *at, const uint8_t *stop, Dialect dialect, Ends *ends) {
    while (at < stop && is_line_end(*at)) at++;
    for (;; at++) {
        if (at < stop && *at == dialect.quote) {
            for (at++;; at += 2) {
                at = at < stop ? memchr(at, dialect.quote, (size_t)(stop - at)) : NULL;
                if (!at) return NULL;
                if (at + 1 == stop || at[1] != dialect.quote) break;
            }
            at++;
        }
        while (at < stop && *at != dialect.delimiter && !is_line_end(*at)) at++;
        if (ends) {
            if (ends_reserve(ends, 1)) return NULL;
            ends->at[ends->used++] = (uint32_t)(at - data);
        }
        if (at == stop) return at;
        if (is_line_end(*at)) return at + 1 + (*at == '\r' && at + 1 < stop && at[1] == '\n');
    }
}

/* last_record_end(text, start, stop, final, delimiter, quote) -> int
 *
 * The end of the last whole record in text[start:stop], `start` if there is none.  As Cutter.last_end of read/cut.py. */
static PyObject *last_record_end(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *text;
    Py_ssize_t start, stop, size;
    int final;
    Dialect dialect;
    if (!PyArg_ParseTuple(args, "Onnpbb", &text, &start, &stop, &final, &dialect.delimiter, &dialect.quote)) return NULL;
    Held held = {0};
    const uint8_t *data = held_bytes(&held, text, stop, 0, &size);
    if (!data || start < 0 || start > stop) {
        held_release(&held);
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "offsets outside the text");
        return NULL;
    }
    Py_ssize_t found = start;
    Quotes state = QUOTES_BEGIN;
    Py_BEGIN_ALLOW_THREADS;
    const uint8_t *end = data + stop;
    if (!final && stop > start && end[-1] == '\r') end--; /* a line feed may follow */
    for (const uint8_t *at = data + start; at < end;) {
        const Marks marks = marks_of(at, end, dialect);
        uint64_t lines = (marks.line | marks.back) & ~inside_bits(&state, marks);
        lines &= below_lowest(state.stray);
        if (lines) found = at - data + last_bit(lines) + 1;
        at += 64;
        if (!state.stray) continue;
        at = read_record(data, data + found, end, dialect, NULL);
        state = QUOTES_BEGIN;
        if (!at || !is_line_end(at[-1])) { /* it does not end here */
            state.inside = at ? 0 : ~(uint64_t)0;
            break;
        }
        found = at - data;
    }
    if (final && !state.inside) found = stop;
    Py_END_ALLOW_THREADS;
    held_release(&held);
    return PyLong_FromSsize_t(found);
}

/* ---- CSV text to columns -------------------------------------------------------------------------------------- */

/* A record that is set aside: its number from 0 on, where it begins and ends, its number of values, and -1 for those
 * where it is no UTF-8. */
typedef struct {
    int64_t number, start, end, values;
} Aside;

/* The values of the good records of a text, as many a record as there are columns.  A value begins behind the end of
 * the one before; the first of a record where `starts` says, or where that is NULL behind the record before it, perhaps
 * further on, since empty lines are passed over. */
typedef struct {
    Ends ends;
    uint32_t *starts;
    size_t rows;
    uint32_t *sizes; /* of each column: bytes of all its values, delimiters included */
    Aside *aside;
    size_t aside_count, aside_room;
} Tokens;

/* Put the numbers of the bits of a word, from `base` on, behind each other; up to 7 more places are written to. */
static inline size_t put_places(uint32_t *to, uint64_t bits, uint32_t base, int count) {
    for (int done = 0; done < count; done += 8)
        for (int k = 0; k < 8; k++) {
            to[done + k] = base + (uint32_t)first_bit(bits | (uint64_t)1 << 63);
            bits &= bits - 1;
        }
    return (size_t)count;
}

int utf8(const uint8_t *at, const uint8_t *end);

/* Set aside the records that have another number of values than `columns`, or that are no UTF-8 (`check`). */
static int set_aside(const uint8_t *data, size_t size, size_t columns, size_t lines, int check, Tokens *tokens) {
    uint32_t *const ends = tokens->ends.at;
    uint32_t *const starts = malloc((lines + 1) * sizeof *starts);
    if (!starts) return NO_MEMORY;
    tokens->starts = starts;
    size_t kept = 0, number = 0;
    uint32_t start = 0;
    for (size_t first = 0, k = 0; first < tokens->ends.used; first = k, number++) {
        while (is_line_end(data[start])) start++;
        for (k = first; ends[k] < size && !is_line_end(data[ends[k]]); k++) {}
        const uint32_t end = ends[k++];
        const int bad = check && !utf8(data + start, data + end);
        if (!bad && k - first == columns) {
            memmove(ends + kept * columns, ends + first, columns * sizeof *ends);
            starts[kept++] = start;
        } else {
            if (tokens->aside_count == tokens->aside_room) {
                const size_t room = tokens->aside_room * 2 + 16;
                Aside *const aside = realloc(tokens->aside, room * sizeof *aside);
                if (!aside) return NO_MEMORY;
                tokens->aside = aside;
                tokens->aside_room = room;
            }
            const Aside aside = {(int64_t)number, start, end, bad ? -1 : (int64_t)(k - first)};
            tokens->aside[tokens->aside_count++] = aside;
        }
        start = end + 1;
    }
    tokens->rows = kept;
    return DONE;
}

/* Find the values of `size` bytes of whole records; empty lines are passed over. UNCLOSED where a quote is open at the
 * end. */
static int tokenize(const uint8_t *data, size_t size, Dialect dialect, size_t columns, Tokens *tokens) {
    Ends *const ends = &tokens->ends;
    size_t lines = 0;
    tokens->sizes = calloc(columns, sizeof *tokens->sizes);
    if (!tokens->sizes || ends_reserve(ends, size / 8 + columns + 256)) return NO_MEMORY;
    Quotes state = QUOTES_BEGIN;
    uint64_t line_before = 1; /* the byte before is of a line end, or there is none */
    const uint8_t *const end = data + size;
    for (const uint8_t *at = data; at < end;) {
        if (ends_reserve(ends, 128)) return NO_MEMORY; /* a word has at most 64 ends */
        const Marks marks = marks_of(at, end, dialect);
        const uint64_t inside = inside_bits(&state, marks);
        const uint64_t line = (marks.line | marks.back) & ~inside;
        const uint64_t last = line & ~(line << 1 | line_before); /* ends a record: neither an empty line nor CR's LF */
        const uint64_t found = ((marks.delimiter & ~inside) | last) & below_lowest(state.stray);
        if (found) {
            ends->used += put_places(ends->at + ends->used, found, (uint32_t)(at - data), count_bits(found));
            lines += (size_t)count_bits(last & found);
        }
        line_before = line >> 63;
        at += 64;
        if (!state.stray) continue;
        while (ends->used && !is_line_end(data[ends->at[ends->used - 1]])) ends->used--; /* back to its record's begin */
        at = read_record(data, ends->used ? data + ends->at[ends->used - 1] + 1 : data, end, dialect, ends);
        if (!at) return ends->failed ? NO_MEMORY : UNCLOSED;
        lines++;
        state = QUOTES_BEGIN;
        line_before = 1;
    }
    if (state.inside) return UNCLOSED;
    if (size && !is_line_end(end[-1]) && !(ends->used && ends->at[ends->used - 1] == size)) {
        if (ends_reserve(ends, 1)) return NO_MEMORY;
        ends->at[ends->used++] = (uint32_t)size; /* the last record has no line end */
        lines++;
    }
    const int text = utf8(data, end);
    int regular = text && ends->used == lines * columns;
    tokens->rows = lines;
    for (size_t row = 0; regular && row < lines; row++) {
        const uint32_t last = ends->at[row * columns + columns - 1];
        regular = last == size || is_line_end(data[last]); /* each record's last value ends its line, and no other */
    }
    if (!regular && set_aside(data, size, columns, lines, !text, tokens)) return NO_MEMORY;
    uint32_t before = 0;
    for (size_t row = 0; row < tokens->rows; row++) {
        const uint32_t *const row_ends = ends->at + row * columns;
        tokens->sizes[0] += row_ends[0] - (tokens->starts ? tokens->starts[row] : before);
        for (size_t j = 1; j < columns; j++) tokens->sizes[j] += row_ends[j] - row_ends[j - 1];
        before = row_ends[columns - 1];
    }
    return DONE;
}

/* Texts that mean "no value". */
typedef struct {
    const uint8_t **texts;
    Py_ssize_t *sizes, count;
} Nulls;

static inline int is_null(const Nulls *nulls, const uint8_t *text, size_t size) {
    for (Py_ssize_t i = 0; i < nulls->count; i++)
        if ((size_t)nulls->sizes[i] == size && memcmp(nulls->texts[i], text, size) == 0) return 1;
    return 0;
}

/* A distinct text of a column in its hash table: its first 8 bytes, its size, its number + 1 (0: a free place). */
typedef struct {
    uint64_t first;
    uint32_t size, number;
} Word;

/* A column to be filled: plain texts, or (`words`) numbers of distinct texts in order of first appearance. */
typedef struct {
    size_t index;
    int32_t *offsets; /* n + 1 of them; with `words` n numbers */
    uint8_t *data;    /* not with `words` */
    uint8_t *valid;
    size_t used, nulls;
    int words;
    int escaped; /* whether there is text behind the closing quote of a value with a quote behind a backslash */
    Word *table;
    uint32_t mask;
    int32_t *starts; /* of the words, and the end of the last */
    size_t count, count_room, text_room;
    uint8_t *text;
} Column;

static inline uint64_t load64(const uint8_t *from) {
    uint64_t word;
    memcpy(&word, from, 8);
    return word;
}

/* The first 8 bytes of a text, or as many as there are and zeros behind them; none is read at or behind `end`. */
static inline uint64_t first8(const uint8_t *text, size_t size, const uint8_t *end) {
    if (size >= 8) return load64(text);
    uint64_t word = 0;
    if (end - text >= 8) {
        const uint16_t order = 1;
        word = load64(text);
        if (!size) return 0;
        return *(const uint8_t *)&order ? word & (~(uint64_t)0 >> (64 - 8 * size)) : word & (~(uint64_t)0 << (64 - 8 * size));
    }
    memcpy(&word, text, size);
    return word;
}

static inline uint32_t hash_of(uint64_t first, const uint8_t *text, size_t size) {
    const uint64_t odd = 0x9E3779B97F4A7C15u;
    uint64_t hash = (first ^ size) * odd;
    for (size_t at = 8; at < size; at += 8) {
        hash ^= hash >> 29;
        hash = (hash ^ load64(text + (at + 8 <= size ? at : size - 8))) * odd; /* the last 8 may overlap */
    }
    return (uint32_t)(hash >> 32);
}

/* A table twice as large, or the first one. */
static int words_grow(Column *column) {
    const uint32_t mask = column->table ? column->mask * 2 + 1 : 255;
    Word *const table = calloc((size_t)mask + 1, sizeof *table);
    if (!table) return NO_MEMORY;
    for (size_t i = 0; column->table && i <= column->mask; i++) {
        const Word word = column->table[i];
        if (!word.number) continue;
        uint32_t at = hash_of(word.first, column->text + column->starts[word.number - 1], word.size) & mask;
        while (table[at].number) at = (at + 1) & mask;
        table[at] = word;
    }
    free(column->table);
    column->table = table;
    column->mask = mask;
    return DONE;
}

static int words_reserve(Column *column, size_t size) {
    if (column->count + 2 > column->count_room) {
        const size_t room = column->count_room ? column->count_room * 2 : 512;
        int32_t *const starts = realloc(column->starts, room * sizeof *starts);
        if (!starts) return NO_MEMORY;
        column->starts = starts;
        column->count_room = room;
        if (!column->count) column->starts[0] = 0;
    }
    const size_t used = (size_t)column->starts[column->count];
    if (used + size > column->text_room) {
        const size_t room = (used + size) * 2 + 1024;
        uint8_t *const text = realloc(column->text, room);
        if (!text) return NO_MEMORY;
        column->text = text;
        column->text_room = room;
    }
    return DONE;
}

/* The number of a text among the distinct ones; -1 without memory.  None of it is read at or behind `end`. */
static int32_t word_number(Column *column, const uint8_t *text, size_t size, const uint8_t *end) {
    const uint64_t first = first8(text, size, end);
    uint32_t at = hash_of(first, text, size) & column->mask;
    for (const Word *word; (word = &column->table[at])->number; at = (at + 1) & column->mask)
        if (word->first == first && word->size == size &&
            (size <= 8 || memcmp(column->text + column->starts[word->number - 1] + 8, text + 8, size - 8) == 0))
            return (int32_t)word->number - 1;
    if (words_reserve(column, size)) return -1;
    const size_t number = column->count++;
    memcpy(column->text + column->starts[number], text, size);
    column->starts[number + 1] = column->starts[number] + (int32_t)size;
    column->table[at] = (Word){first, (uint32_t)size, (uint32_t)number + 1};
    if (column->count * 2 > column->mask && words_grow(column)) return -1;
    return (int32_t)number;
}

/* Copy the value behind an opening quote: doubled quotes as one, without the closing one, and what follows that as it
 * stands; up to 32 bytes more may be written behind it.  `escaped` is set where something follows, and a quote stands
 * behind a backslash. */
static size_t copy_unquoted(uint8_t *to, const uint8_t *from, size_t size, uint8_t quote, int *escaped) {
    uint8_t *const begin = to;
    const uint8_t *const value = from, *const end = from + size;
    while (from < end) {
        const uint8_t *next = memchr(from, quote, (size_t)(end - from));
        const int doubled = next && next + 1 < end && next[1] == quote;
        const size_t plain = (size_t)((next ? next : end) - from) + (size_t)doubled;
        copy_text(to, from, plain, end);
        to += plain;
        from += plain + 1; /* a quote is passed over */
        if (!next || doubled) continue;
        for (const uint8_t *at = value + 1; from < end && at < end; at++) *escaped |= *at == quote && at[-1] == '\\';
        memcpy(to, from, (size_t)(end - from));
        to += end - from;
        break;
    }
    return (size_t)(to - begin);
}

/* Whether a byte is among n; none is read at or behind `end`. */
static inline int has_byte(const uint8_t *text, size_t n, uint8_t code, const uint8_t *end) {
#ifdef HAVE_SSE2
    if (n <= 32 && end - text >= 32) { /* as a rule, and quicker than a call */
        const __m128i wanted = _mm_set1_epi8((char)code);
        const __m128i low = _mm_loadu_si128((const __m128i *)text), high = _mm_loadu_si128((const __m128i *)(text + 16));
        const uint64_t bits = (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, wanted)) |
                              (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(high, wanted)) << 16;
        return (bits & (((uint64_t)1 << n) - 1)) != 0;
    }
#endif
    return n && memchr(text, code, n) != NULL;
}

/* A place for one text that is not copied from where it stands. */
typedef struct {
    uint8_t *text;
    size_t room;
} Scratch;

static int scratch_reserve(Scratch *scratch, size_t size) {
    if (size <= scratch->room) return DONE;
    uint8_t *const text = realloc(scratch->text, size * 2);
    if (!text) return NO_MEMORY;
    scratch->text = text;
    scratch->room = size * 2;
    return DONE;
}

#define TILE 64 /* rows worked on together, so that their text stays in the processor's cache; a multiple of 8 */

/* Rows [low, high) of one column. */
static int fill(Column *column, const Tokens *tokens, size_t columns, size_t low, size_t high, const uint8_t *data,
                size_t size, Dialect dialect, const Nulls *nulls, Scratch *scratch) {
    const uint8_t *end = data + size;
    const size_t index = column->index;
    const int first = index == 0;
    const uint32_t *const starts = first ? tokens->starts : NULL;
    const int only_empty = nulls->count == 1 && nulls->sizes[0] == 0;
    unsigned bits = 0;
    for (size_t row = low; row < high; row++) {
        const uint32_t *const place = tokens->ends.at + row * columns + index;
        const uint8_t *from = starts ? data + starts[row] : row | index ? data + place[-1] + 1 : data;
        if (first)
            while (is_line_end(*from)) from++; /* empty lines; a value without quotes begins with neither */
        size_t length = (size_t)(data + place[0] - from);
        const uint8_t *text = from;
        int doubled = 0; /* there are quotes inside */
        if (length && *from == dialect.quote) {
            text = from + 1;
            length -= length > 1 && from[length - 1] == dialect.quote ? 2 : 1;
            doubled = text + length == data + place[0] || has_byte(text, length, dialect.quote, end);
        }
        if (doubled) {
            length = (size_t)(data + place[0] - text);
            if (scratch_reserve(scratch, length + SLACK)) return NO_MEMORY;
            length = copy_unquoted(scratch->text, text, length, dialect.quote, &column->escaped);
            text = scratch->text;
        }
        const uint8_t *const text_end = doubled ? text + length : end; /* nothing is read behind it */
        int there = only_empty ? length != 0 : !is_null(nulls, text, length);
        if (column->words) {
            int32_t number = 0;
            if (there && (number = word_number(column, text, length, text_end)) < 0) return NO_MEMORY;
            column->offsets[row] = number;
        } else {
            column->offsets[row] = (int32_t)column->used;
            if (there) {
                copy_text(column->data + column->used, text, length, text_end);
                column->used += length;
            }
        }
        column->nulls += !there;
        bits |= (unsigned)there << (row & 7);
        if ((row & 7) == 7 || row + 1 == high) {
            column->valid[row >> 3] = (uint8_t)bits;
            bits = 0;
        }
    }
    if (!column->words) column->offsets[high] = (int32_t)column->used;
    return DONE;
}

/* The finished column as (nulls, valid, offsets, data), and for words (nulls, valid, numbers, starts, text). */
static PyObject *column_result(Column *column, PyObject *valid, PyObject *offsets, PyObject *data) {
    if (!column->words) return Py_BuildValue("nOOO", (Py_ssize_t)column->nulls, valid, offsets, data);
    static const int32_t none[1] = {0};
    const int32_t *starts = column->count ? column->starts : none;
    return Py_BuildValue("nOOy#y#", (Py_ssize_t)column->nulls, valid, offsets, (const char *)starts,
                         (Py_ssize_t)((column->count + 1) * sizeof *starts), column->text ? (const char *)column->text : "",
                         (Py_ssize_t)starts[column->count]);
}

/* How many records begin before an offset at which a record begins, or the text ends. */
static int64_t records_before(const Tokens *tokens, size_t columns, int64_t stop) {
    size_t low = 0, high = tokens->rows;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if ((int64_t)tokens->ends.at[middle * columns + columns - 1] < stop)
            low = middle + 1;
        else
            high = middle;
    }
    size_t aside = 0;
    while (aside < tokens->aside_count && tokens->aside[aside].start < stop) aside++;
    return (int64_t)(low + aside);
}

/* parse_csv(text, delimiter, quote, columns, wanted, nulls, allocate, stops)
 *   -> (rows, [column, ...], aside, before, escaped)
 *
 * Whole records as columns of text.  `wanted`: a list of (number of the column, words?); `nulls`: a list of bytes;
 * `aside`: the records that are in no row, as bytes of int64 (see `Aside`); `stops`: int64, offsets where lines end;
 * `before`: how many records begin before each, bytes of int64; `escaped`: see `Column`.  ValueError where a quote is open at the end. */
static PyObject *parse_csv(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *text, *wanted, *null_list, *allocate, *stop_list, *result = NULL, *list = NULL;
    Dialect dialect;
    Py_ssize_t columns, size, stop_bytes;
    if (!PyArg_ParseTuple(args, "ObbnO!O!OO", &text, &dialect.delimiter, &dialect.quote, &columns, &PyList_Type, &wanted,
                          &PyList_Type, &null_list, &allocate, &stop_list))
        return NULL;
    Held held = {0};
    Tokens tokens = {0};
    Nulls nulls = {0};
    Column *made = NULL;
    PyObject **objects = NULL;
    Scratch scratch = {NULL, 0};
    int64_t *before = NULL;
    const Py_ssize_t count = PyList_Size(wanted);
    const uint8_t *data = held_needed(&held, text, &size);
    if (PyErr_Occurred()) goto out;
    const int64_t *stops = held_items(&held, stop_list, 0, sizeof *stops, &stop_bytes);
    if (PyErr_Occurred()) goto out;
    const size_t stop_count = (size_t)stop_bytes / sizeof *stops;
    if (columns < 1 || columns > INT32_MAX || size > INT32_MAX - 256) {
        PyErr_SetString(PyExc_ValueError, "text of no column, of too many, or of more than 2 GB");
        goto out;
    }
    nulls.count = PyList_Size(null_list);
    nulls.texts = PyMem_Calloc((size_t)nulls.count + 1, sizeof *nulls.texts);
    nulls.sizes = PyMem_Calloc((size_t)nulls.count + 1, sizeof *nulls.sizes);
    made = PyMem_Calloc((size_t)count + 1, sizeof *made);
    objects = PyMem_Calloc((size_t)count * 3 + 1, sizeof *objects);
    before = PyMem_Calloc(stop_count + 1, sizeof *before);
    if (!nulls.texts || !nulls.sizes || !made || !objects || !before) {
        PyErr_NoMemory();
        goto out;
    }
    for (Py_ssize_t i = 0; i < nulls.count; i++) {
        nulls.texts[i] = held_needed(&held, PyList_GetItem(null_list, i), &nulls.sizes[i]);
        if (PyErr_Occurred()) goto out;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_ssize_t index;
        PyObject *item = PyList_GetItem(wanted, i);
        if (!is_tuple(item) || !PyArg_ParseTuple(item, "np", &index, &made[i].words)) goto out;
        if (index < 0 || index >= columns) {
            PyErr_SetString(PyExc_IndexError, "no such column");
            goto out;
        }
        made[i].index = (size_t)index;
    }
    int state;
    Py_BEGIN_ALLOW_THREADS;
    state = tokenize(data, (size_t)size, dialect, (size_t)columns, &tokens);
    for (Py_ssize_t i = 0; state == DONE && i < count; i++)
        if (made[i].words) state = words_grow(&made[i]);
    Py_END_ALLOW_THREADS;
    if (state == UNCLOSED) {
        PyErr_SetString(PyExc_ValueError, "a quote is open at the end");
        goto out;
    }
    if (state == NO_MEMORY) {
        PyErr_NoMemory();
        goto out;
    }
    const Py_ssize_t rows = (Py_ssize_t)tokens.rows;
    for (Py_ssize_t i = 0; i < count; i++) {
        Column *column = &made[i];
        if (!(objects[3 * i] = allocated(&held, allocate, (rows + 7) / 8, &column->valid))) goto out;
        if (!(objects[3 * i + 1] = allocated(&held, allocate, (rows + 1) * 4, &column->offsets))) goto out;
        if (!column->words) {
            column->offsets[0] = 0;
            if (!(objects[3 * i + 2] = allocated(&held, allocate, (Py_ssize_t)tokens.sizes[column->index], &column->data)))
                goto out;
        }
    }
    Py_BEGIN_ALLOW_THREADS;
    for (size_t low = 0; state == DONE && low < tokens.rows; low += TILE) {
        size_t high = low + TILE < tokens.rows ? low + TILE : tokens.rows;
        for (Py_ssize_t i = 0; state == DONE && i < count; i++)
            state = fill(&made[i], &tokens, (size_t)columns, low, high, data, (size_t)size, dialect, &nulls, &scratch);
    }
    Py_END_ALLOW_THREADS;
    if (state == NO_MEMORY) {
        PyErr_NoMemory();
        goto out;
    }
    for (size_t i = 0; i < stop_count; i++) before[i] = records_before(&tokens, (size_t)columns, stops[i]);
    if (!(list = PyList_New(0))) goto out;
    int escaped = 0;
    for (Py_ssize_t i = 0; i < count; i++) escaped |= made[i].escaped;
    for (Py_ssize_t i = 0; i < count; i++)
        if (append_stolen(list, column_result(&made[i], objects[3 * i], objects[3 * i + 1], objects[3 * i + 2]))) goto out;
    result = Py_BuildValue("nOy#y#i", rows, list, tokens.aside ? (const char *)tokens.aside : "",
                           (Py_ssize_t)(tokens.aside_count * sizeof *tokens.aside), (const char *)before,
                           (Py_ssize_t)(stop_count * sizeof *before), escaped);
out:
    Py_XDECREF(list);
    held_release(&held);
    for (Py_ssize_t i = 0; objects && i < count * 3; i++) Py_XDECREF(objects[i]);
    for (Py_ssize_t i = 0; made && i < count; i++) {
        free(made[i].table);
        free(made[i].starts);
        free(made[i].text);
    }
    free(scratch.text);
    free(tokens.ends.at);
    free(tokens.starts);
    free(tokens.aside);
    free(tokens.sizes);
    PyMem_Free(before);
    PyMem_Free(objects);
    PyMem_Free(made);
    PyMem_Free(nulls.sizes);
    PyMem_Free(nulls.texts);
    return result;
}

/* ---- JSON texts ----------------------------------------------------------------------------------------------- */

/* How many bytes JSON's escape of a byte takes: 1 where it stands for itself (RFC 8259 section 7). */
static const uint8_t ESCAPED_SIZE[256] = {
    6, 6, 6, 6, 6, 6, 6, 6, 2, 2, 2, 6, 2, 2, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, /* controls */
    1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* 34: quote */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, /* 92: backslash */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
};

/* The bits of 16 bytes that JSON must escape; without SSE2, all of them if there is one. */
static inline unsigned special_bits(const uint8_t *at) {
#ifdef HAVE_SSE2
    __m128i piece = _mm_loadu_si128((const __m128i *)at);
    __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(piece, _mm_set1_epi8(31)), piece);
    __m128i others = _mm_or_si128(_mm_cmpeq_epi8(piece, _mm_set1_epi8('"')), _mm_cmpeq_epi8(piece, _mm_set1_epi8('\\')));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(controls, others));
#else
    unsigned found = 0;
    for (int i = 0; i < 16; i++) found |= ESCAPED_SIZE[at[i]] != 1;
    return found ? 0xFFFF : 0;
#endif
}

static inline uint8_t *put_escaped(uint8_t *to, uint8_t byte) {
    static const char digits[] = "0123456789abcdef";
    const unsigned size = ESCAPED_SIZE[byte];
    if (size == 1) {
        *to = byte;
        return to + 1;
    }
    *to++ = '\\';
    if (size == 2) {
        *to++ = byte == '\b' ? 'b' : byte == '\f' ? 'f' : byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte == '\t' ? 't' : byte;
        return to;
    }
    memcpy(to, "u00", 3);
    to[3] = (uint8_t)digits[byte >> 4];
    to[4] = (uint8_t)digits[byte & 15];
    return to + 5;
}

/* How many bytes the escapes of `size` bytes add. */
static size_t escapes_add(const uint8_t *from, size_t size) {
    size_t more = 0, i = 0;
    for (; i + 16 <= size; i += 16) {
        if (!special_bits(from + i)) continue;
        for (size_t j = i; j < i + 16; j++) more += ESCAPED_SIZE[from[j]] - 1u;
    }
    for (; i < size; i++) more += ESCAPED_SIZE[from[i]] - 1u;
    return more;
}

/* Up to 15 bytes more than the text takes may be written behind it. */
static uint8_t *escape_text(uint8_t *to, const uint8_t *from, size_t size) {
    size_t i = 0;
    while (i + 16 <= size) {
        memcpy(to, from + i, 16);
        unsigned special = special_bits(from + i);
        if (!special) {
            to += 16;
            i += 16;
            continue;
        }
        size_t plain = (size_t)first_bit((uint64_t)special);
        to = put_escaped(to + plain, from[i + plain]);
        i += plain + 1;
    }
    for (; i < size; i++) to = put_escaped(to, from[i]);
    return to;
}

/* escape(offsets, n, data, allocate) -> None | (offsets, data)
 *
 * n texts with JSON's escapes; None if none has anything to escape.  Texts behind nulls are escaped like others. */
static PyObject *escape(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *offset_object, *data_object, *allocate, *result = NULL, *made_offsets = NULL, *made_data = NULL;
    Py_ssize_t n, size;
    if (!PyArg_ParseTuple(args, "OnOO", &offset_object, &n, &data_object, &allocate)) return NULL;
    Held held = {0};
    const int32_t *offsets = n < INT32_MAX ? held_items(&held, offset_object, n + 1, 4, NULL) : NULL;
    const uint8_t *data = PyErr_Occurred() ? NULL : held_bytes(&held, data_object, 0, 0, &size);
    if (PyErr_Occurred()) goto out;
    if (!offsets || n < 0 || offsets[0] < 0 || offsets[n] < offsets[0] || offsets[n] > size) {
        PyErr_SetString(PyExc_ValueError, "offsets outside the texts");
        goto out;
    }
    const size_t first = (size_t)offsets[0], plain = (size_t)(offsets[n] - offsets[0]);
    size_t more;
    Py_BEGIN_ALLOW_THREADS;
    more = escapes_add(data + first, plain);
    Py_END_ALLOW_THREADS;
    if (!more) {
        result = Py_NewRef(Py_None);
        goto out;
    }
    if (plain + more > INT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "texts of more than 2 GB");
        goto out;
    }
    int32_t *new_offsets;
    uint8_t *new_data;
    if (!(made_offsets = allocated(&held, allocate, (n + 1) * 4, &new_offsets))) goto out;
    if (!(made_data = allocated(&held, allocate, (Py_ssize_t)(plain + more), &new_data))) goto out;
    int wrong = 0;
    Py_BEGIN_ALLOW_THREADS;
    uint8_t *to = new_data;
    for (Py_ssize_t i = 0; i < n && !wrong; i++) {
        new_offsets[i] = (int32_t)(to - new_data);
        wrong = offsets[i + 1] < offsets[i] || offsets[i + 1] > offsets[n];
        if (!wrong) to = escape_text(to, data + offsets[i], (size_t)(offsets[i + 1] - offsets[i]));
    }
    new_offsets[n] = (int32_t)(to - new_data);
    Py_END_ALLOW_THREADS;
    if (wrong)
        PyErr_SetString(PyExc_ValueError, "offsets that do not ascend");
    else
        result = Py_BuildValue("OO", made_offsets, made_data);
out:
    Py_XDECREF(made_offsets);
    Py_XDECREF(made_data);
    held_release(&held);
    return result;
}

/* One leaf's values: texts, perhaps by `codes`, where `there`; some rows have others instead. */
typedef struct {
    const int32_t *offsets, *codes;
    const uint8_t *data, *end, *there;
    int32_t texts;
    const int64_t *other_rows; /* ascending */
    const int32_t *other_offsets;
    const uint8_t *other_data, *other_end;
    Py_ssize_t others, next;
} Leg;

typedef struct {
    const uint8_t *text, *end;
    size_t size;
} Slice;

/* The legs of a record, and what stands between them.
 *
 * Between a leg and the one before that is there stands what closes the one and opens the other, down to the objects
 * and arrays that both are in.  Their number is the level, 0 for the begin and the end of the record.  It is the least
 * `top` of the legs from behind the one to the other, so that tables of all levels of all legs are enough. */
typedef struct {
    Leg *legs;
    size_t count;
    int32_t *top;               /* of each leg; 0 for the first, and behind the last */
    Slice **opening, **closing; /* of each leg: what opens it at levels 0 to its top; closes it at 0 to the next one's */
    Slice **behind;             /* what opens it with a quote before, which closes most legs: one text instead of two; */
                                /* such a closing has no text, but at level 0 */
    Slice *slices;
    Slice empty; /* a record without any */
    const int32_t *literals; /* where each literal begins */
    const uint8_t *literal_data, *literal_end;
    int32_t literal_count;
    const uint8_t *keep;
    const int32_t *before, *after;
} Join;

static inline Slice literal_text(const Join *join, int32_t number) {
    int32_t start = join->literals[number];
    Slice slice = {join->literal_data + start, join->literal_end, (size_t)(join->literals[number + 1] - start)};
    return slice;
}

/* The bytes between the first and the last of n texts; -1 if the offsets do not ascend or lead outside. */
static int64_t texts_size(const int32_t *offsets, Py_ssize_t n, Py_ssize_t room) {
    int wrong = offsets[0] < 0 || offsets[n] > room;
    for (Py_ssize_t i = 0; i < n; i++) wrong |= offsets[i + 1] < offsets[i];
    return wrong ? -1 : offsets[n] - offsets[0];
}

/* No more bytes than these are in a leaf's texts of n rows; -1 where a text is nowhere. */
static int64_t leg_bound(const Leg *leg, Py_ssize_t n) {
    int64_t size = 0;
    if (leg->others) {
        size = texts_size(leg->other_offsets, leg->others, leg->other_end - leg->other_data);
        if (size < 0) return -1;
    }
    if (leg->offsets && texts_size(leg->offsets, leg->texts, leg->end - leg->data) < 0) return -1;
    if (leg->codes) {
        for (Py_ssize_t row = 0; row < n; row++) {
            if (leg->there && !leg->there[row]) continue; /* anything may stand there */
            const int32_t code = leg->codes[row];
            if (code < 0 || code >= leg->texts) return -1;
            size += leg->offsets[code + 1] - leg->offsets[code];
        }
        return size;
    }
    if (n > leg->texts) {
        for (Py_ssize_t row = leg->texts; row < n; row++)
            if (!leg->there || leg->there[row]) return -1;
        n = leg->texts;
    }
    return n ? size + leg->offsets[n] - leg->offsets[0] : size;
}

static size_t longest(const Slice *slices, int32_t top) {
    size_t size = 0;
    for (int32_t level = 0; level <= top; level++) size = slices[level].size > size ? slices[level].size : size;
    return size;
}

/* No more bytes than these are in all n rows; -1 where a text is nowhere. */
static int64_t join_bound(const Join *join, Py_ssize_t n) {
    int64_t total = (int64_t)join->empty.size * n;
    for (size_t j = 0; j < join->count; j++) {
        const uint8_t *there = join->legs[j].there;
        Py_ssize_t rows = n;
        if (there) {
            rows = 0;
            for (Py_ssize_t row = 0; row < n; row++) rows += there[row] != 0;
        }
        const int64_t size = leg_bound(&join->legs[j], n);
        if (size < 0) return -1;
        const size_t opens = longest(join->opening[j], join->top[j]), behind = longest(join->behind[j], join->top[j]);
        total += size + (int64_t)((opens > behind ? opens : behind) + longest(join->closing[j], join->top[j + 1])) * rows;
    }
    for (Py_ssize_t row = 0; row < n && join->before; row++) total += (int64_t)literal_text(join, join->before[row]).size;
    for (Py_ssize_t row = 0; row < n && join->after; row++) total += (int64_t)literal_text(join, join->after[row]).size;
    return total;
}

/* The text of a leaf in a row where it is there. */
static inline Slice leg_text(Leg *leg, Py_ssize_t row) {
    if (leg->others) {
        while (leg->next < leg->others && leg->other_rows[leg->next] < row) leg->next++;
        if (leg->next < leg->others && leg->other_rows[leg->next] == row) {
            const int32_t start = leg->other_offsets[leg->next];
            Slice other = {leg->other_data + start, leg->other_end, (size_t)(leg->other_offsets[leg->next + 1] - start)};
            return other;
        }
    }
    const Py_ssize_t code = leg->codes ? leg->codes[row] : row;
    const int32_t start = leg->offsets[code];
    Slice slice = {leg->data + start, leg->end, (size_t)(leg->offsets[code + 1] - start)};
    return slice;
}

static inline uint8_t *put(uint8_t *to, Slice slice) {
    copy_text(to, slice.text, slice.size, slice.end);
    return to + slice.size;
}

/* The text of n rows; `starts` (n + 1 of them, may be NULL) become the places where the rows begin.
 * Gives where the text ends. */
static uint8_t *join_write(Join *join, Py_ssize_t n, uint8_t *const begin, int32_t *starts) {
    uint8_t *to = begin;
    for (Py_ssize_t row = 0; row < n; row++) {
        if (starts) starts[row] = (int32_t)(to - begin);
        if (join->keep && !join->keep[row]) continue;
        const Slice *closing = NULL; /* of the last leg that is there */
        int32_t level = 0;
        if (join->before) to = put(to, literal_text(join, join->before[row]));
        for (size_t j = 0; j < join->count; j++) {
            Leg *leg = &join->legs[j];
            if (join->top[j] < level) level = join->top[j];
            if (leg->there && !leg->there[row]) continue;
            if (closing && !closing[level].text) { /* a quote */
                to = put(to, join->behind[j][level]);
            } else {
                if (closing) to = put(to, closing[level]);
                to = put(to, join->opening[j][level]);
            }
            to = put(to, leg_text(leg, row));
            closing = join->closing[j];
            level = INT32_MAX;
        }
        to = put(to, closing ? closing[0] : join->empty);
        if (join->after) to = put(to, literal_text(join, join->after[row]));
    }
    if (starts) starts[n] = (int32_t)(to - begin);
    return to;
}

static int leg_from(Held *held, PyObject *tuple, Py_ssize_t n, Leg *leg) {
    PyObject *offsets, *data, *codes, *there, *rows, *other_offsets, *other_data;
    Py_ssize_t texts, size;
    if (!is_tuple(tuple)) return -1;
    if (!PyArg_ParseTuple(tuple, "OnOOOOOO", &offsets, &texts, &data, &codes, &there, &rows, &other_offsets, &other_data))
        return -1;
    if (texts < 0 || texts >= INT32_MAX) {
        PyErr_Format(PyExc_ValueError, "%zd texts", texts);
        return -1;
    }
    leg->offsets = held_items(held, offsets, texts + 1, 4, NULL);
    if (PyErr_Occurred()) return -1;
    leg->texts = leg->offsets ? (int32_t)texts : 0;
    leg->data = held_bytes(held, data, 0, 0, &size);
    if (!leg->data) leg->data = (const uint8_t *)"";
    leg->end = leg->data + size;
    if (PyErr_Occurred()) return -1;
    leg->codes = held_items(held, codes, n, 4, NULL);
    if (PyErr_Occurred()) return -1;
    leg->there = held_items(held, there, n, 1, NULL);
    if (PyErr_Occurred()) return -1;
    leg->other_rows = held_items(held, rows, 0, 8, &size);
    if (PyErr_Occurred()) return -1;
    leg->others = size / 8;
    if (!leg->others) return 0;
    leg->other_offsets = held_items(held, other_offsets, leg->others + 1, 4, NULL);
    if (PyErr_Occurred()) return -1;
    leg->other_data = held_bytes(held, other_data, 0, 0, &size);
    if (PyErr_Occurred()) return -1;
    if (!leg->other_data) leg->other_data = (const uint8_t *)"";
    leg->other_end = leg->other_data + size;
    if (leg->other_offsets) return 0;
    PyErr_SetString(PyExc_ValueError, "other texts without offsets");
    return -1;
}

/* The numbers of literals in `numbers` (size of them) that `join` has not are an error. */
static int literals_known(const Join *join, const int32_t *numbers, Py_ssize_t size) {
    for (Py_ssize_t i = 0; i < size; i++)
        if (numbers[i] < 0 || numbers[i] >= join->literal_count) return 0;
    return 1;
}

/* The literals (offsets into data), which must ascend within it. */
static int literals_from(Held *held, PyObject *literals, PyObject *data, Join *join) {
    Py_ssize_t size;
    join->literals = held_items(held, literals, 1, 4, &size);
    if (PyErr_Occurred()) return -1;
    join->literal_count = (int32_t)(size / 4 > INT32_MAX ? INT32_MAX : size / 4) - 1;
    join->literal_data = held_bytes(held, data, 0, 0, &size);
    if (PyErr_Occurred()) return -1;
    join->literal_end = join->literal_data + size;
    if (join->literals && join->literal_data && texts_size(join->literals, join->literal_count, size) >= 0) return 0;
    PyErr_SetString(PyExc_ValueError, "offsets outside the literals");
    return -1;
}

/* The tables of `join`: how many steps each leg shares with the one before (-1 for the first, and behind the last),
 * and the numbers of the literals, level by level, that open legs, open them with a quote before, and close them; the
 * literal of a record without any. */
static int tables_from(Held *held, PyObject *tuple, Join *join) {
    PyObject *shared_object, *opening_object, *behind_object, *closing_object;
    int empty;
    if (!is_tuple(tuple) || !PyArg_ParseTuple(tuple, "OOOOi", &shared_object, &opening_object, &behind_object,
                                               &closing_object, &empty))
        return -1;
    const Py_ssize_t count = (Py_ssize_t)join->count;
    const int32_t *shared = held_items(held, shared_object, count + 1, 4, NULL);
    if (PyErr_Occurred()) return -1;
    Py_ssize_t total = 0;
    int wrong = !shared || empty < 0 || empty >= join->literal_count || shared[0] != -1 || shared[count] != -1;
    for (Py_ssize_t j = 0; !wrong && j < count; j++) {
        wrong = shared[j] < -1 || shared[j] > 1 << 20;
        total += shared[j] + 2;
    }
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, "no tables of literals");
        return -1;
    }
    const int32_t *opening = held_items(held, opening_object, total, 4, NULL);
    if (PyErr_Occurred()) return -1;
    const int32_t *behind = held_items(held, behind_object, total, 4, NULL);
    if (PyErr_Occurred()) return -1;
    const int32_t *closing = held_items(held, closing_object, total, 4, NULL);
    if (PyErr_Occurred()) return -1;
    if (total && (!opening || !behind || !closing || !literals_known(join, opening, total) ||
                  !literals_known(join, behind, total) || !literals_known(join, closing, total))) {
        PyErr_SetString(PyExc_ValueError, "numbers of unknown literals");
        return -1;
    }
    join->top = PyMem_Calloc((size_t)count + 1, sizeof *join->top);
    join->opening = PyMem_Calloc((size_t)count + 1, sizeof *join->opening);
    join->closing = PyMem_Calloc((size_t)count + 1, sizeof *join->closing);
    join->behind = PyMem_Calloc((size_t)count + 1, sizeof *join->behind);
    join->slices = PyMem_Calloc((size_t)total * 3 + 1, sizeof *join->slices);
    if (!join->top || !join->opening || !join->behind || !join->closing || !join->slices) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < total; i++) {
        join->slices[i] = literal_text(join, opening[i]);
        join->slices[total + i] = literal_text(join, behind[i]);
        join->slices[total * 2 + i] = literal_text(join, closing[i]);
    }
    Slice *opens = join->slices, *closes = join->slices + total * 2;
    const Slice quote = {NULL, NULL, 0};
    for (Py_ssize_t j = 0; j < count; j++) {
        join->top[j] = shared[j] + 1;
        join->opening[j] = opens;
        join->behind[j] = opens + total;
        join->closing[j] = closes;
        opens += shared[j] + 2;
        for (int32_t level = 1; level <= shared[j + 1] + 1; level++)
            if (closes[level].size == 1 && *closes[level].text == '"') closes[level] = quote;
        closes += shared[j + 1] + 2;
    }
    join->empty = literal_text(join, empty);
    return 0;
}

/* join(legs, tables, literals, literal_data, n, keep, before, after, starts?, allocate) -> (size, data, starts | None)
 *
 * The text of n rows along the legs that are there, as walk.py describes it.  A leg is (offsets, texts, data, codes,
 * there, other rows, other offsets, other data); the tables (see `tables_from`) and the literals' offsets are int32. */
static PyObject *join_texts(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *legs, *tables, *literals, *literal_data, *keep, *before, *after, *allocate;
    PyObject *result = NULL, *made_starts = NULL, *made_data = NULL;
    Py_ssize_t n;
    int want_starts;
    if (!PyArg_ParseTuple(args, "O!OOOnOOOpO", &PyList_Type, &legs, &tables, &literals, &literal_data, &n, &keep, &before,
                          &after, &want_starts, &allocate))
        return NULL;
    Held held = {0};
    Join join = {0};
    const Py_ssize_t count = PyList_Size(legs);
    join.count = (size_t)count;
    if (n < 0 || n >= INT32_MAX) {
        PyErr_Format(PyExc_ValueError, "%zd rows", n);
        goto out;
    }
    if (!(join.legs = PyMem_Calloc((size_t)count + 1, sizeof(Leg)))) {
        PyErr_NoMemory();
        goto out;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (leg_from(&held, PyList_GetItem(legs, i), n, &join.legs[i]) < 0) goto out;
    if (literals_from(&held, literals, literal_data, &join) < 0 || tables_from(&held, tables, &join) < 0) goto out;
    join.keep = held_items(&held, keep, n, 1, NULL);
    if (PyErr_Occurred()) goto out;
    join.before = held_items(&held, before, n, 4, NULL);
    if (PyErr_Occurred()) goto out;
    join.after = held_items(&held, after, n, 4, NULL);
    if (PyErr_Occurred()) goto out;
    if ((join.before && !literals_known(&join, join.before, n)) || (join.after && !literals_known(&join, join.after, n))) {
        PyErr_SetString(PyExc_ValueError, "numbers of unknown literals");
        goto out;
    }
    int32_t *starts = NULL;
    if (want_starts && !(made_starts = allocated(&held, allocate, (n + 1) * 4, &starts))) goto out;
    int64_t bound;
    Py_BEGIN_ALLOW_THREADS;
    bound = join_bound(&join, n);
    Py_END_ALLOW_THREADS;
    if (bound < 0) {
        PyErr_SetString(PyExc_ValueError, "numbers of unknown texts");
        goto out;
    }
    if (starts && bound > INT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "texts of more than 2 GB");
        goto out;
    }
    uint8_t *data, *end;
    if (!(made_data = allocated(&held, allocate, (Py_ssize_t)bound, &data))) goto out;
    Py_BEGIN_ALLOW_THREADS;
    end = join_write(&join, n, data, starts);
    Py_END_ALLOW_THREADS;
    result = Py_BuildValue("nOO", (Py_ssize_t)(end - data), made_data, made_starts ? made_starts : Py_None);
out:
    Py_XDECREF(made_starts);
    Py_XDECREF(made_data);
    PyMem_Free(join.slices);
    PyMem_Free(join.closing);
    PyMem_Free(join.behind);
    PyMem_Free(join.opening);
    PyMem_Free(join.top);
    PyMem_Free(join.legs);
    held_release(&held);
    return result;
}

/* ---- Looks at texts ------------------------------------------------------------------------------------------- */

/* n texts of an Arrow string array; `valid` is NULL where none is null. */
typedef struct {
    const int32_t *offsets;
    const uint8_t *data, *valid;
    Py_ssize_t n, first_bit;
} Texts;

static inline int is_there(const Texts *texts, Py_ssize_t i) {
    const Py_ssize_t bit = texts->first_bit + i;
    return !texts->valid || (texts->valid[bit >> 3] >> (bit & 7) & 1);
}

/* Read (offsets, n, data, valid, first bit) and see to it that the offsets ascend within the data. */
static int texts_from(Held *held, PyObject *offsets, Py_ssize_t n, PyObject *data, PyObject *valid, Py_ssize_t first_bit,
                      Texts *texts) {
    Py_ssize_t size = 0;
    texts->n = n;
    texts->first_bit = first_bit;
    if (n < 0 || n >= INT32_MAX || first_bit < 0 || first_bit > PY_SSIZE_T_MAX - INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "negative or very large numbers");
        return -1;
    }
    texts->offsets = held_items(held, offsets, n + 1, 4, NULL);
    if (!PyErr_Occurred()) texts->data = held_bytes(held, data, 0, 0, &size);
    if (!PyErr_Occurred()) texts->valid = held_bytes(held, valid, (first_bit + n + 7) / 8, 0, NULL);
    if (PyErr_Occurred()) return -1;
    if (!texts->offsets || texts_size(texts->offsets, n, size) < 0) {
        PyErr_SetString(PyExc_ValueError, "offsets outside the texts");
        return -1;
    }
    return 0;
}

/* Positions that were found, as bytes of int64; None for none. */
static PyObject *positions_result(const int64_t *positions, Py_ssize_t count) {
    if (!count) return Py_NewRef(Py_None);
    return PyBytes_FromStringAndSize((const char *)positions, count * (Py_ssize_t)sizeof *positions);
}

/* text_sizes(offsets, n, data, valid, first_bit) -> None | (least, most): bytes of the texts that are there */
static PyObject *text_sizes(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *offsets, *data, *valid;
    Py_ssize_t n, first_bit;
    if (!PyArg_ParseTuple(args, "OnOOn", &offsets, &n, &data, &valid, &first_bit)) return NULL;
    Held held = {0};
    Texts texts = {0};
    const int failed = texts_from(&held, offsets, n, data, valid, first_bit, &texts);
    uint32_t least = UINT32_MAX, more = 0; /* one more than the most, 0 where none is there */
    if (!failed) {
        const int32_t *const at = texts.offsets;
        Py_BEGIN_ALLOW_THREADS;
        if (!texts.valid) {
            for (Py_ssize_t i = 0; i < n; i++) {
                const uint32_t size = (uint32_t)(at[i + 1] - at[i]);
                least = size < least ? size : least;
                more = size + 1 > more ? size + 1 : more;
            }
        } else {
            for (Py_ssize_t i = 0; i < n; i++) {
                const uint32_t away = (uint32_t)is_there(&texts, i) - 1; /* all ones for a null */
                const uint32_t size = (uint32_t)(at[i + 1] - at[i]), low = size | away, high = (size + 1) & ~away;
                least = low < least ? low : least;
                more = high > more ? high : more;
            }
        }
        Py_END_ALLOW_THREADS;
    }
    held_release(&held);
    if (failed) return NULL;
    return more ? Py_BuildValue("II", least, more - 1) : Py_NewRef(Py_None);
}

/* order_groups(codes, n, count, allocate) -> (order | None, bounds)
 * The int32 order that brings equal codes together (None if they stand so, ascending), each group in the order of its
 * rows; and int64 (count + 1) where the groups begin.  Codes are below `count`. */
static PyObject *order_groups(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *code_object, *allocate, *made_order = NULL, *made_bounds = NULL, *result = NULL;
    Py_ssize_t n, count;
    if (!PyArg_ParseTuple(args, "OnnO", &code_object, &n, &count, &allocate)) return NULL;
    Held held = {0};
    int32_t *order;
    int64_t *bounds;
    const int32_t *const codes = held_items(&held, code_object, n, 4, NULL);
    if (!codes || n >= INT32_MAX || count < 0 || count >= INT32_MAX) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "no codes, or too many");
        goto out;
    }
    if (!(made_bounds = allocated(&held, allocate, (count + 1) * 8, &bounds))) goto out;
    int wrong = 0, sorted = 1;
    Py_BEGIN_ALLOW_THREADS;
    memset(bounds, 0, (size_t)(count + 1) * 8);
    for (Py_ssize_t i = 0; i < n; i++) {
        const int32_t code = codes[i];
        if (code < 0 || code >= count) {
            wrong = 1;
            break;
        }
        if (i && code < codes[i - 1]) sorted = 0;
        bounds[code + 1]++;
    }
    Py_END_ALLOW_THREADS;
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, "a code that is not below the count");
        goto out;
    }
    if (!sorted && !(made_order = allocated(&held, allocate, n * 4, &order))) goto out;
    Py_BEGIN_ALLOW_THREADS;
    int64_t start = 0; /* first behind each place where its group begins; when it is filled, where it ends */
    for (Py_ssize_t i = 1; i <= count; i++) {
        const int64_t size = bounds[i];
        bounds[i] = made_order ? start : start + size;
        start += size;
    }
    if (made_order)
        for (Py_ssize_t i = 0; i < n; i++) order[bounds[codes[i] + 1]++] = (int32_t)i;
    Py_END_ALLOW_THREADS;
    result = Py_BuildValue("OO", made_order ? made_order : Py_None, made_bounds);
out:
    Py_XDECREF(made_order);
    Py_XDECREF(made_bounds);
    held_release(&held);
    return result;
}

/* take_texts(offsets, n, data, valid, first_bit, places, count, allocate) -> None | (offsets, data, bits | None, nulls)
 *
 * The texts at `places` (int32), one after the other; `bits` says which are there.  None where they are 2 GB together. */
static PyObject *take_texts(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *offset_object, *data_object, *valid_object, *place_object, *allocate, *result = NULL;
    PyObject *made_offsets = NULL, *made_data = NULL, *made_bits = NULL;
    Py_ssize_t n, first_bit, count;
    if (!PyArg_ParseTuple(args, "OnOOnOnO", &offset_object, &n, &data_object, &valid_object, &first_bit, &place_object,
                          &count, &allocate))
        return NULL;
    int32_t *starts = NULL;
    Held held = {0};
    Texts texts = {0};
    if (texts_from(&held, offset_object, n, data_object, valid_object, first_bit, &texts) < 0) goto out;
    const int32_t *const places = held_items(&held, place_object, count, 4, NULL);
    if (!places || count >= INT32_MAX) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "no places, or too many");
        goto out;
    }
    const int32_t *const at = texts.offsets;
    int32_t *offsets;
    uint8_t *data, *bits = NULL;
    if (!(made_offsets = allocated(&held, allocate, (count + 1) * 4, &offsets))) goto out;
    if (texts.valid && !(made_bits = allocated(&held, allocate, (count + 7) / 8, &bits))) goto out;
    int64_t size = 0;
    Py_ssize_t nulls = 0;
    int wrong = 0;
    if (!(starts = malloc((size_t)(count ? count : 1) * 4))) {
        PyErr_NoMemory();
        goto out;
    }
    Py_BEGIN_ALLOW_THREADS;
    if (bits) memset(bits, 0, (size_t)((count + 7) / 8));
    for (Py_ssize_t i = 0; i < count; i++) {
#ifdef __GNUC__
        if (i + 32 < count) __builtin_prefetch(at + places[i + 32]); /* an address that is not there does no harm */
#endif
        offsets[i] = (int32_t)size;
        const int32_t place = places[i];
        if (place < 0 || place >= n) {
            wrong = 1;
            break;
        }
        starts[i] = at[place];
        if (is_there(&texts, place)) {
            size += at[place + 1] - at[place];
            if (bits) bits[i >> 3] = (uint8_t)(bits[i >> 3] | 1 << (i & 7));
        } else {
            nulls++;
        }
        if (size > INT32_MAX) break;
    }
    Py_END_ALLOW_THREADS;
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, "places outside the texts");
        goto out;
    }
    if (size > INT32_MAX) {
        result = Py_NewRef(Py_None);
        goto out;
    }
    offsets[count] = (int32_t)size;
    if (!(made_data = allocated(&held, allocate, (Py_ssize_t)size, &data))) goto out;
    if (texts.data) {
        Py_BEGIN_ALLOW_THREADS;
        const uint8_t *const from = texts.data, *const end = from + at[n];
        for (Py_ssize_t i = 0; i < count; i++) {
#ifdef __GNUC__
            if (i + 24 < count) __builtin_prefetch(from + starts[i + 24]);
#endif
            copy_text(data + offsets[i], from + starts[i], (size_t)(offsets[i + 1] - offsets[i]), end);
        }
        Py_END_ALLOW_THREADS;
    }
    result = Py_BuildValue("OOOn", made_offsets, made_data, made_bits ? made_bits : Py_None, nulls);
out:
    free(starts);
    Py_XDECREF(made_bits);
    Py_XDECREF(made_data);
    Py_XDECREF(made_offsets);
    held_release(&held);
    return result;
}

/* ---- Python texts ---------------------------------------------------------------------------------------------- */

/* object_texts(objects, missing, allocate) -> (n, offsets, data, bitmap, nulls) | None
 * object_texts(objects, missing, None) -> how many strings | None
 *
 * Python strings as a text column, or only their number.  None, NaN and the objects in the tuple `missing` are null.  None is returned where
 * anything else is among them, half a surrogate pair, or 2 GB or more.  Nothing here runs Python code, so that the
 * array stays as it is; the lock is held, as strings are Python's. */
static PyObject *object_texts(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *object, *missing, *allocate, *result = NULL, *made_offsets = NULL, *made_data = NULL, *made_bits = NULL;
    if (!PyArg_ParseTuple(args, "OO!O", &object, &PyTuple_Type, &missing, &allocate)) return NULL;
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_FORMAT | PyBUF_ND) < 0) return NULL;
    Held held = {0};
    uint8_t *data = NULL, *bits = NULL, *final;
    int32_t *offsets = NULL;
    if (!view.format || strcmp(view.format, "O") != 0 || view.itemsize != (Py_ssize_t)sizeof(PyObject *)) {
        PyErr_SetString(PyExc_TypeError, "an array of objects is needed");
        goto out;
    }
    PyObject *const *const objects = view.buf;
    const Py_ssize_t n = view.len / view.itemsize, missing_count = PyTuple_Size(missing);
    if (n >= INT32_MAX) {
        result = Py_NewRef(Py_None);
        goto out;
    }
    Py_ssize_t size = 0, room = n * 16 + 64, nulls = 0;
    if (allocate != Py_None) {
        if (!(made_offsets = allocated(&held, allocate, (n + 1) * 4, &offsets))) goto out;
        if (!(made_bits = allocated(&held, allocate, (n + 7) / 8, &bits))) goto out;
        memset(bits, 0, (size_t)((n + 7) / 8));
        if (!(data = PyMem_Malloc((size_t)room))) {
            PyErr_NoMemory();
            goto out;
        }
    }
    for (Py_ssize_t i = 0; i < n; i++) {
#ifdef __GNUC__
        if (i + 12 < n) { /* a short string is up to two lines of memory, which lie anywhere */
            __builtin_prefetch(objects[i + 12]);
            if (made_bits) __builtin_prefetch((const char *)objects[i + 12] + 48);
        }
#endif
        PyObject *const value = objects[i];
        if (made_bits) offsets[i] = (int32_t)size;
        if (!value || !PyUnicode_CheckExact(value)) {
            int null = !value || value == Py_None;
            if (!null && PyFloat_CheckExact(value)) {
                const double number = PyFloat_AsDouble(value);
                null = number != number;
            }
            for (Py_ssize_t m = 0; !null && m < missing_count; m++) null = value == PyTuple_GetItem(missing, m);
            if (!null) {
                result = Py_NewRef(Py_None);
                goto out;
            }
            nulls++;
            continue;
        }
        if (!made_bits) continue;
        Py_ssize_t length;
        const char *const text = PyUnicode_AsUTF8AndSize(value, &length);
        if (!text) {
            if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
                PyErr_Clear();
                result = Py_NewRef(Py_None);
            }
            goto out;
        }
        if (length > INT32_MAX - size) {
            result = Py_NewRef(Py_None);
            goto out;
        }
        if (size + length > room) {
            room = (size + length) * 2;
            uint8_t *const more = PyMem_Realloc(data, (size_t)room);
            if (!more) {
                PyErr_NoMemory();
                goto out;
            }
            data = more;
        }
        memcpy(data + size, text, (size_t)length);
        size += length;
        bits[i >> 3] = (uint8_t)(bits[i >> 3] | 1 << (i & 7));
    }
    if (!made_bits) {
        result = PyLong_FromSsize_t(n - nulls);
        goto out;
    }
    offsets[n] = (int32_t)size;
    if (!(made_data = allocated(&held, allocate, size, &final))) goto out;
    memcpy(final, data, (size_t)size);
    result = Py_BuildValue("nOOOn", n, made_offsets, made_data, made_bits, nulls);
out:
    PyMem_Free(data);
    Py_XDECREF(made_bits);
    Py_XDECREF(made_data);
    Py_XDECREF(made_offsets);
    held_release(&held);
    PyBuffer_Release(&view);
    return result;
}

/* dict_columns(rows, names, cells) -> whether every row is a dict with just these keys
 *
 * The values of a list of dicts by column, into an array of objects with a line for each name; dicts with the keys of
 * `names` in their order, as most have, take no look-up. */
static PyObject *dict_columns(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *rows, *names, *object, *result = NULL;
    if (!PyArg_ParseTuple(args, "O!O!O", &PyList_Type, &rows, &PyTuple_Type, &names, &object)) return NULL;
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_FORMAT | PyBUF_ND | PyBUF_WRITABLE) < 0) return NULL;
    const Py_ssize_t n = PyList_Size(rows), count = PyTuple_Size(names);
    PyObject **const cells = view.buf;
    if (!view.format || strcmp(view.format, "O") != 0 || view.len != n * count * (Py_ssize_t)sizeof(PyObject *)) {
        PyErr_SetString(PyExc_TypeError, "an array of objects is needed, with a line for each name");
        goto out;
    }
    for (Py_ssize_t r = 0; r < n && r < PyList_Size(rows); r++) {
        PyObject *const row = Py_NewRef(PyList_GetItem(rows, r)), *key, *value;
        int in_order = PyDict_CheckExact(row) && PyDict_Size(row) == count, fits = in_order;
        Py_ssize_t at = 0;
        for (Py_ssize_t c = 0; fits && c < count; c++) {
            PyObject *const name = PyTuple_GetItem(names, c);
            if (in_order) in_order = PyDict_Next(row, &at, &key, &value) && key == name;
            if (!in_order && !(value = PyDict_GetItemWithError(row, name))) fits = 0;
            if (!fits) break;
            PyObject *const before = cells[c * n + r];
            cells[c * n + r] = Py_NewRef(value);
            Py_XDECREF(before);
        }
        Py_DECREF(row);
        if (PyErr_Occurred()) goto out;
        if (!fits) {
            result = Py_NewRef(Py_False);
            goto out;
        }
    }
    result = Py_NewRef(Py_True);
out:
    PyBuffer_Release(&view);
    return result;
}

/* object_types(objects) -> set of types */
static PyObject *object_types(PyObject *self, PyObject *object) {
    (void)self;
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_FORMAT | PyBUF_ND) < 0) return NULL;
    PyObject *result = NULL, *types = PySet_New(NULL);
    if (!view.format || strcmp(view.format, "O") != 0) {
        PyErr_SetString(PyExc_TypeError, "an array of objects is needed");
        goto out;
    }
    PyObject *const *const objects = view.buf;
    const Py_ssize_t n = view.len / (Py_ssize_t)sizeof(PyObject *);
    const PyTypeObject *last[2] = {NULL, NULL};
    for (Py_ssize_t i = 0; types && i < n; i++) {
#ifdef __GNUC__
        if (i + 12 < n) __builtin_prefetch(objects[i + 12]);
#endif
        PyTypeObject *const type = Py_TYPE(objects[i] ? objects[i] : Py_None);
        if (type == last[0] || type == last[1]) continue;
        last[1] = last[0];
        last[0] = type;
        if (PySet_Add(types, (PyObject *)type) < 0) goto out;
    }
    result = Py_XNewRef(types);
out:
    Py_XDECREF(types);
    PyBuffer_Release(&view);
    return result;
}

/* ---- Keys ------------------------------------------------------------------------------------------------------ */

typedef struct {
    uint32_t hash;
    int32_t number; /* -1: free */
} Slot;

static inline uint64_t mixed(uint64_t code, uint64_t word) {
    code = (code ^ word) * 0x9E3779B97F4A7C15u;
    return code ^ code >> 29;
}

/* The first n bytes, at most 8, of a text; none is read at or behind `end`. */
static inline uint64_t first_bytes(const uint8_t *text, size_t n, const uint8_t *end) {
    uint64_t word = 0;
    if (end - text < 8) {
        memcpy(&word, text, n);
        return word;
    }
    memcpy(&word, text, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return n ? word >> (8 * (8 - n)) : 0;
#else
    return n ? word & ~(uint64_t)0 >> (8 * (8 - n)) : 0;
#endif
}

static inline uint32_t key_hash(const uint8_t *text, size_t n, const uint8_t *end) {
    uint64_t code = mixed(0x243F6A8885A308D3u, n), word;
    for (; n > 8; n -= 8, text += 8) {
        memcpy(&word, text, 8);
        code = mixed(code, word);
    }
    return (uint32_t)(mixed(code, first_bytes(text, n, end)) >> 32);
}

static inline int same_bytes(const uint8_t *a, const uint8_t *b, size_t n, const uint8_t *end) {
    for (; n > 8; n -= 8, a += 8, b += 8) {
        if (memcmp(a, b, 8)) return 0; /* one instruction, as the size is known */
    }
    return first_bytes(a, n, end) == first_bytes(b, n, end);
}

/* The numbers' table, twice as large; -1 if there is no memory. */
static int grown(Slot **slots, uint32_t *mask) {
    const size_t size = ((size_t)*mask + 1) * 2;
    Slot *more = malloc(size * sizeof(Slot));
    if (!more) return -1;
    memset(more, 0xFF, size * sizeof(Slot));
    for (size_t i = 0; i <= *mask; i++) {
        const Slot slot = (*slots)[i];
        if (slot.number < 0) continue;
        size_t at = slot.hash & (size - 1);
        while (more[at].number >= 0) at = (at + 1) & (size - 1);
        more[at] = slot;
    }
    free(*slots);
    *slots = more;
    *mask = (uint32_t)(size - 1);
    return 0;
}

/* Numbers for the texts in order of first appearance; how many there are, or -1 without memory. */
static int32_t number_all(const Texts *texts, Py_ssize_t n, int32_t *numbers) {
    enum { AHEAD = 32 };
    uint32_t mask = 1023, hashes[AHEAD];
    int32_t count = 0;
    Slot *slots = malloc((mask + 1) * sizeof(Slot));
    int32_t *firsts = malloc((size_t)(n + 1) * sizeof(int32_t)); /* the row in which each number appeared */
    if (!slots || !firsts) count = -1;
    if (slots) memset(slots, 0xFF, (mask + 1) * sizeof(Slot));
    const int32_t *const at = texts->offsets;
    const uint8_t *const data = texts->data ? texts->data : (const uint8_t *)"", *const data_end = data + at[n];
    for (Py_ssize_t start = 0; start < n && count >= 0; start += AHEAD) {
        const Py_ssize_t end = n - start < AHEAD ? n : start + AHEAD;
        if (((uint64_t)count + AHEAD) * 2 > mask && grown(&slots, &mask) < 0) {
            count = -1;
            break;
        }
        for (Py_ssize_t i = start; i < end; i++) {
            hashes[i - start] = key_hash(data + at[i], (size_t)(at[i + 1] - at[i]), data_end);
#ifdef __GNUC__
            __builtin_prefetch(&slots[hashes[i - start] & mask]);
#endif
        }
        for (Py_ssize_t i = start; i < end; i++) {
            const uint32_t hash = hashes[i - start];
            const size_t size = (size_t)(at[i + 1] - at[i]);
            if (!is_there(texts, i)) { /* belongs to no other */
                firsts[count] = (int32_t)i;
                numbers[i] = count++;
                continue;
            }
            size_t place = hash & mask;
            for (;; place = (place + 1) & mask) {
                const Slot slot = slots[place];
                if (slot.number < 0) break;
                if (slot.hash != hash) continue;
                const int32_t first = firsts[slot.number];
                if ((size_t)(at[first + 1] - at[first]) != size) continue;
                if (same_bytes(data + at[first], data + at[i], size, data_end)) break;
            }
            if (slots[place].number < 0) {
                slots[place] = (Slot){hash, count};
                firsts[count++] = (int32_t)i;
            }
            numbers[i] = slots[place].number;
        }
    }
    free(firsts);
    free(slots);
    return count;
}

/* number_texts(offsets, n, data, valid, first_bit, allocate) -> (numbers, count)
 *
 * An int32 for each text: equal texts have the same, counted from 0 in order of first appearance.  A null has its own. */
static PyObject *number_texts(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *offset_object, *data_object, *valid_object, *allocate, *made = NULL, *result = NULL;
    Py_ssize_t n, first_bit;
    if (!PyArg_ParseTuple(args, "OnOOnO", &offset_object, &n, &data_object, &valid_object, &first_bit, &allocate))
        return NULL;
    Held held = {0};
    Texts texts = {0};
    int32_t *numbers, count;
    if (texts_from(&held, offset_object, n, data_object, valid_object, first_bit, &texts) < 0) goto out;
    if (!(made = allocated(&held, allocate, n * 4, &numbers))) goto out;
    Py_BEGIN_ALLOW_THREADS;
    count = number_all(&texts, n, numbers);
    Py_END_ALLOW_THREADS;
    if (count < 0) {
        PyErr_NoMemory();
        goto out;
    }
    result = Py_BuildValue("Oi", made, (int)count);
out:
    Py_XDECREF(made);
    held_release(&held);
    return result;
}

/* hash_texts(offsets, n, data, valid, first_bit, weights, allocate) -> hashes
 *
 * A uint64 for each text: the sum of its bytes, each one more than it is, times the weight of its place.  There are
 * 1,024 weights; from then on they count 3, 5, 7 ... times.  0 for a null. */
static PyObject *hash_texts(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *offset_object, *data_object, *valid_object, *weight_object, *allocate, *made = NULL, *result = NULL;
    Py_ssize_t n, first_bit;
    if (!PyArg_ParseTuple(args, "OnOOnOO", &offset_object, &n, &data_object, &valid_object, &first_bit, &weight_object,
                          &allocate))
        return NULL;
    Held held = {0};
    Texts texts = {0};
    uint64_t *hashes;
    if (texts_from(&held, offset_object, n, data_object, valid_object, first_bit, &texts) < 0) goto out;
    const uint64_t *const weights = held_items(&held, weight_object, 1024, 8, NULL);
    if (!weights) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "no weights");
        goto out;
    }
    if (!(made = allocated(&held, allocate, n * 8, &hashes))) goto out;
    Py_BEGIN_ALLOW_THREADS;
    for (Py_ssize_t i = 0; i < n; i++) {
        uint64_t sum = 0;
        if (texts.data && is_there(&texts, i)) {
            const uint8_t *const text = texts.data + texts.offsets[i];
            const size_t size = (size_t)(texts.offsets[i + 1] - texts.offsets[i]);
            for (size_t start = 0; start < size; start += 1024) {
                const size_t end = size - start < 1024 ? size - start : 1024;
                uint64_t part = 0;
                for (size_t k = 0; k < end; k++) part += ((uint64_t)text[start + k] + 1) * weights[k];
                sum += part * (2 * (start / 1024) + 1);
            }
        }
        hashes[i] = sum;
    }
    Py_END_ALLOW_THREADS;
    result = Py_NewRef(made);
out:
    Py_XDECREF(made);
    held_release(&held);
    return result;
}

#define LANES 6 /* texts that are looked at side by side, since each step of one waits for the step before */

/* not_accepted(offsets, n, data, valid, first_bit, table, accepting) -> None | positions
 *
 * The texts after which a finite automaton is in no accepting state.  `table`: for each state (the first one is where
 * it starts) the next state by byte, 256 of them; `accepting`: for each state 1 or 0. */
static PyObject *not_accepted(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *offsets, *data, *valid, *table_object, *accepting_object, *result = NULL;
    Py_ssize_t n, first_bit, states;
    if (!PyArg_ParseTuple(args, "OnOOnOO", &offsets, &n, &data, &valid, &first_bit, &table_object, &accepting_object))
        return NULL;
    Held held = {0};
    Texts texts = {0};
    int64_t *found = NULL;
    if (texts_from(&held, offsets, n, data, valid, first_bit, &texts)) goto out;
    const uint8_t *accepting = held_bytes(&held, accepting_object, 1, 0, &states);
    if (PyErr_Occurred()) goto out;
    const uint8_t *table = held_bytes(&held, table_object, states * 256, 0, NULL);
    if (PyErr_Occurred()) goto out;
    int wrong = !accepting || !table || states > 256;
    uint8_t stays[256] = {0}; /* nothing leads out of the state */
    for (Py_ssize_t i = 0; !wrong && i < states; i++) {
        stays[i] = 1;
        for (Py_ssize_t k = 0; k < 256; k++) {
            wrong |= table[i * 256 + k] >= states;
            stays[i] &= table[i * 256 + k] == i;
        }
    }
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, "no automaton");
        goto out;
    }
    Py_ssize_t count = 0, room = 0;
    Py_BEGIN_ALLOW_THREADS;
    for (Py_ssize_t next = 0; next < n && !wrong;) {
        Py_ssize_t row[LANES], lanes = 0; /* the next texts that are there */
        for (; next < n && lanes < LANES; next++) {
            row[lanes] = next;
            lanes += is_there(&texts, next);
        }
        const uint8_t *at[LANES] = {0};
        int32_t sizes[LANES] = {0}, least = INT32_MAX, done = 0;
        uint8_t state[LANES] = {0};
        for (Py_ssize_t k = 0; k < lanes; k++) {
            at[k] = texts.data + texts.offsets[row[k]];
            sizes[k] = texts.offsets[row[k] + 1] - texts.offsets[row[k]];
            least = sizes[k] < least ? sizes[k] : least;
        }
        for (int ended = lanes < LANES; done < least && !ended;) {
            const int32_t stop = least - done < 4 ? least : done + 4;
            for (; done < stop; done++)
                for (int k = 0; k < LANES; k++) state[k] = table[state[k] << 8 | at[k][done]];
            ended = 1;
            for (int k = 0; k < LANES; k++) ended &= stays[state[k]];
        }
        for (Py_ssize_t k = 0; k < lanes; k++) {
            for (int32_t i = done; i < sizes[k] && !stays[state[k]]; i++) state[k] = table[state[k] << 8 | at[k][i]];
            if (accepting[state[k]]) continue;
            if (count == room) {
                room = room ? room * 2 : 256;
                int64_t *more = realloc(found, (size_t)room * sizeof *found);
                if (!more) {
                    wrong = 1;
                    break;
                }
                found = more;
            }
            found[count++] = row[k];
        }
    }
    Py_END_ALLOW_THREADS;
    if (wrong)
        PyErr_NoMemory();
    else
        result = positions_result(found, count);
out:
    free(found);
    held_release(&held);
    return result;
}

/* Whether JSON prints a number as the text that it was read from; `whole` numbers are integers, others doubles.
 *
 * A decimal fraction of at most 15 digits without a needless zero is printed as it stands, since no other fraction that
 * short is the same double; from 0.1 to 999,999,999 that is, since very small and large numbers get an exponent. */
static int printed_so(const uint8_t *text, int32_t size, int whole) {
    const uint8_t *at = text, *const end = text + size;
    at += size > 0 && *at == '-';
    if (at == end) return 0;
    const uint8_t first = *at;
    const uint8_t *const digits = at;
    while (at < end && (uint8_t)(*at - '0') < 10) at++;
    if (at == digits || (first == '0' && at - digits > 1)) return 0;
    if (whole) return at == end && at - digits <= 18 && !(first == '0' && size > 1);
    if (size > 16 || at - text > 9 || at == end || *at != '.') return 0;
    const uint8_t *const fraction = ++at;
    while (at < end && (uint8_t)(*at - '0') < 10) at++;
    if (at != end || at == fraction || end[-1] == '0') return 0;
    return first != '0' || *fraction != '0';
}

/* printed_otherwise(offsets, n, data, valid, first_bit, whole) -> None | positions of texts that JSON prints in another
 * way, perhaps, once they are read as numbers */
static PyObject *printed_otherwise(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *offsets, *data, *valid, *result = NULL;
    Py_ssize_t n, first_bit, count = 0;
    int whole;
    if (!PyArg_ParseTuple(args, "OnOOnp", &offsets, &n, &data, &valid, &first_bit, &whole)) return NULL;
    Held held = {0};
    Texts texts = {0};
    int64_t *found = NULL;
    if (texts_from(&held, offsets, n, data, valid, first_bit, &texts)) goto out;
    if (!(found = malloc(((size_t)n + 1) * sizeof *found))) {
        PyErr_NoMemory();
        goto out;
    }
    Py_BEGIN_ALLOW_THREADS;
    for (Py_ssize_t i = 0; i < n; i++) {
        const int32_t start = texts.offsets[i];
        found[count] = i;
        count += is_there(&texts, i) && !printed_so(texts.data + start, texts.offsets[i + 1] - start, whole);
    }
    Py_END_ALLOW_THREADS;
    result = positions_result(found, count);
out:
    free(found);
    held_release(&held);
    return result;
}

/* Whether all of a text is UTF-8 (RFC 3629). */
int utf8(const uint8_t *at, const uint8_t *end) {
    while (at < end) {
#ifdef HAVE_SSE2
        if (end - at >= 64) {
            const __m128i *const some = (const __m128i *)at;
            const __m128i low = _mm_or_si128(_mm_loadu_si128(some), _mm_loadu_si128(some + 1));
            const __m128i rest = _mm_or_si128(_mm_loadu_si128(some + 2), _mm_loadu_si128(some + 3));
            if (!_mm_movemask_epi8(_mm_or_si128(low, rest))) {
                at += 64;
                continue;
            }
        }
        if (end - at >= 16) {
            const unsigned high = (unsigned)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)at));
            if (!high) {
                at += 16;
                continue;
            }
            at += first_bit((uint64_t)high);
        }
#endif
        const uint8_t lead = *at++;
        if (lead < 0x80) continue;
        int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4 || end - at < more) return 0;
        const uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        const uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (*at < low || *at > high) return 0;
        for (at++; --more; at++)
            if ((*at & 0xC0) != 0x80) return 0;
    }
    return 1;
}

/* is_utf8(data) -> bool */
static PyObject *is_utf8(PyObject *self, PyObject *object) {
    (void)self;
    Held held = {0};
    Py_ssize_t size;
    int fine = 0;
    const uint8_t *data = held_needed(&held, object, &size);
    const int failed = PyErr_Occurred() != NULL;
    if (!failed) {
        Py_BEGIN_ALLOW_THREADS;
        fine = utf8(data, data + size);
        Py_END_ALLOW_THREADS;
    }
    held_release(&held);
    return failed ? NULL : PyBool_FromLong(fine);
}

/* count_lines(data) -> how many line ends: line feeds, carriage returns, and both as one */
static PyObject *count_lines(PyObject *self, PyObject *object) {
    (void)self;
    Held held = {0};
    Py_ssize_t size, lines = 0;
    const uint8_t *data = held_needed(&held, object, &size);
    const int failed = PyErr_Occurred() != NULL;
    if (!failed) {
        Py_BEGIN_ALLOW_THREADS;
        for (Py_ssize_t at = 0; at < size;) {
            uint8_t some = 0; /* a byte, so that compilers count many bytes at once */
            const Py_ssize_t stop = size - at < 255 ? size : at + 255;
            for (; at < stop; at++) some += data[at] == '\n';
            lines += some;
        }
        if (size && memchr(data, '\r', (size_t)size)) {
            for (Py_ssize_t at = 0; at < size - 1;) {
                uint8_t some = 0;
                const Py_ssize_t stop = size - 1 - at < 255 ? size - 1 : at + 255;
                for (; at < stop; at++) some += (data[at] == '\r') & (data[at + 1] != '\n');
                lines += some;
            }
            lines += data[size - 1] == '\r';
        }
        Py_END_ALLOW_THREADS;
    }
    held_release(&held);
    return failed ? NULL : PyLong_FromSsize_t(lines);
}

/* ---- Date-times ----------------------------------------------------------------------------------------------- */

static void two_digits(uint8_t *to, unsigned number) {
    to[0] = (uint8_t)('0' + number / 10);
    to[1] = (uint8_t)('0' + number % 10);
}

/* The date of a day since 1970-01-01, of the years 1 to 9999 (days from civil, in the proleptic Gregorian calendar). */
static void put_date(uint8_t *to, int64_t day) {
    const uint32_t z = (uint32_t)(day + 719468), era = z / 146097, doe = z - era * 146097;
    const uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    const uint32_t month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
    two_digits(to, year / 100);
    two_digits(to + 2, year % 100);
    to[4] = to[7] = '-';
    two_digits(to + 5, month);
    two_digits(to + 8, doy - (153 * mp + 2) / 5 + 1);
}

#define FIRST_MS (-719162ll * 86400000) /* 0001-01-01 */
#define END_MS (2932897ll * 86400000)   /* 10000-01-01 */

/* print_times(milliseconds, n, valid, first_bit, allocate) -> None | (offsets, data)
 *
 * Milliseconds since the epoch (int64) as YYYY-MM-DDThh:mm:ssZ, with .mmm where they are not zero; nothing for nulls.
 * None where a year is not of 1 to 9999. */
static PyObject *print_times(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *values_object, *valid, *allocate, *made_offsets = NULL, *made_data = NULL, *result = NULL;
    Py_ssize_t n, first_bit;
    if (!PyArg_ParseTuple(args, "OnOnO", &values_object, &n, &valid, &first_bit, &allocate)) return NULL;
    Held held = {0};
    Texts texts = {0};
    const int64_t *values = held_items(&held, values_object, n, 8, NULL);
    if (!PyErr_Occurred() && (first_bit < 0 || first_bit > PY_SSIZE_T_MAX - INT32_MAX || n > INT32_MAX / 24))
        PyErr_SetString(PyExc_ValueError, "negative or very large numbers");
    if (!PyErr_Occurred()) texts.valid = held_bytes(&held, valid, (first_bit + n + 7) / 8, 0, NULL);
    if (PyErr_Occurred()) goto out;
    if (!values && n) {
        PyErr_SetString(PyExc_TypeError, "no numbers");
        goto out;
    }
    texts.first_bit = first_bit;
    int32_t *offsets;
    uint8_t *data;
    if (!(made_offsets = allocated(&held, allocate, (n + 1) * 4, &offsets))) goto out;
    if (!(made_data = allocated(&held, allocate, n * 24, &data))) goto out;
    int outside = 0;
    Py_BEGIN_ALLOW_THREADS;
    uint8_t *to = data;
    for (Py_ssize_t i = 0; i < n && !outside; i++) {
        offsets[i] = (int32_t)(to - data);
        if (!is_there(&texts, i)) continue;
        outside = values[i] < FIRST_MS || values[i] >= END_MS;
        if (outside) break;
        const uint64_t since = (uint64_t)(values[i] - FIRST_MS); /* so that division rounds down */
        const uint32_t ms = (uint32_t)(since % 86400000), second = ms / 1000, fraction = ms % 1000;
        put_date(to, (int64_t)(since / 86400000) - 719162);
        to[10] = 'T';
        two_digits(to + 11, second / 3600);
        to[13] = to[16] = ':';
        two_digits(to + 14, second / 60 % 60);
        two_digits(to + 17, second % 60);
        to += 19;
        if (fraction) {
            to[0] = '.';
            to[1] = (uint8_t)('0' + fraction / 100);
            two_digits(to + 2, fraction % 100);
            to += 4;
        }
        *to++ = 'Z';
    }
    offsets[n] = (int32_t)(to - data);
    Py_END_ALLOW_THREADS;
    result = outside ? Py_NewRef(Py_None) : Py_BuildValue("OO", made_offsets, made_data);
out:
    Py_XDECREF(made_offsets);
    Py_XDECREF(made_data);
    held_release(&held);
    return result;
}

/* ---- Files ---------------------------------------------------------------------------------------------------- */

/* write(file, data, piece)
 *
 * Write all of `data`, `piece` bytes a call of the system, without asking for the interpreter lock between them.
 * Raises OSError. */
static PyObject *write_all(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *object;
    int file;
    Py_ssize_t piece, size;
    if (!PyArg_ParseTuple(args, "iOn", &file, &object, &piece)) return NULL;
    Held held = {0};
    const char *data = held_needed(&held, object, &size);
    if (data && piece < 1) PyErr_SetString(PyExc_ValueError, "pieces of no bytes");
    int failed = PyErr_Occurred() != NULL;
    while (!failed && size > 0) {
        int code = 0;
        Py_BEGIN_ALLOW_THREADS;
        while (size > 0 && !code) {
            long long done = write_some(file, data, (size_t)(size < piece ? size : piece));
            if (done <= 0) {
                code = done ? errno : EIO;
            } else {
                data += done;
                size -= (Py_ssize_t)done;
            }
        }
        Py_END_ALLOW_THREADS;
        if (code == EINTR) {
            failed = PyErr_CheckSignals() < 0;
        } else if (code) {
            errno = code;
            PyErr_SetFromErrno(PyExc_OSError);
            failed = 1;
        }
    }
    held_release(&held);
    return failed ? NULL : Py_NewRef(Py_None);
}

/* _json.c */
PyObject *parse_json(PyObject *self, PyObject *args);
PyObject *line_ends(PyObject *self, PyObject *args);
PyObject *split_array(PyObject *self, PyObject *object);
PyObject *memory(PyObject *self, PyObject *object);
int make_memory_type(void);

static PyMethodDef METHODS[] = {
    {"line_ends", line_ends, METH_VARARGS, "Where the lines of a block end."},
    {"memory", memory, METH_O, "Bytes that may hold anything."},
    {"split_array", split_array, METH_O, "A piece of an array of JSON as lines."},
    {"parse_json", parse_json, METH_VARARGS, "Lines of JSON as columns."},
    {"text_sizes", text_sizes, METH_VARARGS, "The least and the most bytes of some texts."},
    {"take_texts", take_texts, METH_VARARGS, "The texts at some places."},
    {"object_texts", object_texts, METH_VARARGS, "Python strings as a text column."},
    {"dict_columns", dict_columns, METH_VARARGS, "The values of dicts by column."},
    {"object_types", object_types, METH_O, "The types of Python objects."},
    {"number_texts", number_texts, METH_VARARGS, "Numbers for distinct texts."},
    {"order_groups", order_groups, METH_VARARGS, "The order that brings equal codes together."},
    {"hash_texts", hash_texts, METH_VARARGS, "A hash of each text."},
    {"not_accepted", not_accepted, METH_VARARGS, "The texts that a finite automaton does not accept."},
    {"printed_otherwise", printed_otherwise, METH_VARARGS, "The texts of numbers that JSON prints otherwise."},
    {"is_utf8", is_utf8, METH_O, "Whether a text is UTF-8."},
    {"count_lines", count_lines, METH_O, "How many line ends a text has."},
    {"print_times", print_times, METH_VARARGS, "Date-times as JSON has them."},
    {"write", write_all, METH_VARARGS, "Write all of a buffer to a file."},
    {"last_record_end", last_record_end, METH_VARARGS, "The end of the last whole record of a CSV text."},
    {"parse_csv", parse_csv, METH_VARARGS, "Whole records of CSV text as columns."},
    {"escape", escape, METH_VARARGS, "Texts with JSON's escapes."},
    {"join", join_texts, METH_VARARGS, "Rows of texts along the leaves that are there."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_native", "Inner loops of the engine.", 0, METHODS,
                                    NULL, NULL, NULL, NULL};

#ifndef SOURCE_CHECK
#define SOURCE_CHECK 0
#endif

PyMODINIT_FUNC PyInit__native(void) {
    PyObject *module = make_memory_type() < 0 ? NULL : PyModule_Create(&MODULE);
    PyObject *check = module ? PyLong_FromUnsignedLong(SOURCE_CHECK) : NULL;
    if (!check || PyModule_AddObjectRef(module, "SOURCE_CHECK", check) < 0) Py_CLEAR(module);
    Py_XDECREF(check);
    return module;
}
