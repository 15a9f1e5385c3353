/* Records of JSON to columns: one pass over the bytes, along a tree of the fields that are expected.
 *
 * A record is taken only if it is one JSON object as ndjson/strict.py has it and all that is in it fits the tree; any
 * other leaves no trace in the columns and is named for the exact reader.  So this file decides nothing: what it takes,
 * the exact reader would read as the same values.
 *
 * Every node of the tree has a column: of its values, and for each slot whether one is there.  A slot is a record (for
 * fields of the record and of objects in it) or an element of an array or map.  A column is filled up with absent slots
 * when the next value comes, so that fields that are not there cost nothing; a column that is ahead of its slot has
 * had the same key before.
 *
 * The block ends with a zero byte, and no scan passes a control character, so none leaves the line it is in.  Elements
 * of an array may have line breaks between their tokens, but as many brackets are opened as closed in each (or it is the
 * last), so an object that begins one ends in it or is none.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if (defined(__SSE2__) || defined(_M_X64)) && !defined(PORTABLE)
#include <emmintrin.h>
#define HAVE_SSE2 1
#endif
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
static inline int lowest_bit(unsigned word) {
    unsigned long at;
    _BitScanForward(&at, word);
    return (int)at;
}
#else
#define lowest_bit(word) __builtin_ctz(word)
#endif

enum { UNKNOWN, TEXT, INTEGER, NUMBER, BOOLEAN, OBJECT, ARRAY, MAP, ANY, NUMERAL, WHOLE };
enum { ABSENT, THERE, IS_NULL };
enum { GOOD, BLANK, EXACT, UNLIKE };         /* of lines; UNLIKE: it does not fit the tree */
enum { CHECKING = 1, IGNORE_UNKNOWN = 2, ELEMENTS = 4, LEARNING = 8 }; /* flags of a call */
#define MAX_DEPTH 128
#define WINDOW ((size_t)1 << 15) /* bytes that are checked to be UTF-8 together, just before they are parsed */
#define EXACT_DOUBLES (1ull << 53)
#define DOUBLE_DIGITS 17
#define SURE_DIGITS 15 /* a decimal of so many digits is the nearest one to its double */

int utf8(const uint8_t *at, const uint8_t *end); /* _native.c */

/* ---- Memory --------------------------------------------------------------------------------------------------- */

/* Large pieces that were let go are kept for the next block, so that the system need not clear pages for each. Nobody
 * waits for the lock, so a process that is forked while it is held goes on without what was kept. */
#define LARGE ((size_t)1 << 12)
#define KEPT_PIECES 512
#define KEPT_BYTES ((size_t)64 << 20)

static struct {
    PyThread_type_lock lock;
    void *pieces[KEPT_PIECES];
    size_t rooms[KEPT_PIECES], bytes;
    int count;
} kept;

/* Memory of at least `*room` bytes, of which `*room` says then how many; NULL if there is none. */
static void *take_piece(size_t *room) {
    if (*room >= LARGE && PyThread_acquire_lock(kept.lock, NOWAIT_LOCK)) {
        int best = -1;
        void *found = NULL;
        for (int i = 0; i < kept.count; i++) {
            if (kept.rooms[i] >= *room && (best < 0 || kept.rooms[i] < kept.rooms[best])) best = i;
        }
        if (best >= 0 && kept.rooms[best] / 2 <= *room) {
            found = kept.pieces[best];
            *room = kept.rooms[best];
            kept.bytes -= *room;
            kept.pieces[best] = kept.pieces[--kept.count];
            kept.rooms[best] = kept.rooms[kept.count];
        }
        PyThread_release_lock(kept.lock);
        if (found) return found;
    }
    return malloc(*room);
}

static void let_go(void *piece, size_t room) {
    if (room >= LARGE && PyThread_acquire_lock(kept.lock, NOWAIT_LOCK)) {
        if (kept.count < KEPT_PIECES && room <= KEPT_BYTES - kept.bytes) {
            kept.pieces[kept.count] = piece;
            kept.rooms[kept.count++] = room;
            kept.bytes += room;
            piece = NULL;
        }
        PyThread_release_lock(kept.lock);
    }
    free(piece);
}

typedef struct {
    uint8_t *bytes;
    size_t used, room;
} Bytes;

/* Make it have room for this many bytes; -1 if there is no memory. */
static int widen(Bytes *bytes, size_t room) {
    uint8_t *made;
    if (room <= bytes->room) return 0;
    if (room < LARGE) {
        made = realloc(bytes->bytes, room);
        if (!made) return -1;
    } else {
        made = take_piece(&room);
        if (!made) return -1;
        if (bytes->room) memcpy(made, bytes->bytes, bytes->room);
        let_go(bytes->bytes, bytes->room);
    }
    bytes->bytes = made;
    bytes->room = room;
    return 0;
}

static int grow(Bytes *bytes, size_t more) {
    return bytes->used + more <= bytes->room ? 0 : widen(bytes, bytes->room * 2 + more + 256);
}

static void drop(Bytes *bytes) {
    let_go(bytes->bytes, bytes->room);
    *bytes = (Bytes){0};
}

/* ---- Columns -------------------------------------------------------------------------------------------------- */

/* A key.  With its closing quote and colon it is compared as two words: the first eight bytes, as many as there are, and
 * the last; what is between them if there are more than 16. */
typedef struct {
    const char *text;
    size_t size; /* without quote and colon */
    uint64_t first, mask, last;
} Name;

typedef struct Node {
    int kind, nullable; /* nullable: when checking, a null here can be told from a value that is not there */
    int width;          /* bytes of a value, or of an offset */
    size_t size, room;  /* slots so far, and how many there is memory for */
    Bytes there;        /* one byte each */
    Bytes values;       /* int64, double, one byte each, or offsets (int32), one more than slots */
    Bytes text;
    size_t items;       /* of an array or map: elements so far */
    struct Node **children;
    int count;
    Name *names;
    int32_t *table; /* of names, by hash; -1 where empty */
    uint32_t mask;
} Node;

typedef struct {
    const uint8_t *key;
    uint32_t size, hash;
    uint64_t owner;
} Seen;

typedef struct {
    Node *node;
    size_t slot, line;
    const uint8_t *text;
} Later; /* a double that is read when the interpreter can be asked */

typedef struct {
    const uint8_t *data, *end; /* end: 64 bytes or more follow */
    uint64_t blank; /* bits of the characters that may stand between tokens */
    int flags, depth, status, failed; /* failed: no memory */
    size_t line;
    Seen *seen;
    size_t seen_room, seen_used;
    uint64_t owner, first_owner;
    Later *later;
    size_t later_used, later_room;
    Bytes scratch;
} Reader;

static int width_of(int kind) {
    switch (kind) {
    case INTEGER:
    case NUMBER: return 8;
    case BOOLEAN: return 1;
    case UNKNOWN:
    case OBJECT: return 0;
    default: return 4;
    }
}

static inline void put_word(Node *node, size_t slot, const void *bits) { memcpy(node->values.bytes + slot * 8, bits, 8); }

/* Note where the text, array or map of a slot begins, and those of more slots behind it. */
static inline void put_offsets(Node *node, size_t slot, size_t more) {
    const int32_t offset = (int32_t)(node->kind == ARRAY || node->kind == MAP ? node->items : node->text.used);
    uint8_t *const to = node->values.bytes + slot * 4;
    for (size_t i = 0; i < more; i++) memcpy(to + i * 4, &offset, 4);
}

static inline void put_offset(Node *node, size_t slot) { put_offsets(node, slot, 1); }

/* Make room for this many slots. */
static int make_room(Node *node, size_t slots) {
    if (slots <= node->room) return 0;
    if (widen(&node->there, slots) < 0) return -1;
    if (node->width && widen(&node->values, (slots + 1) * (size_t)node->width) < 0) return -1;
    node->room = slots;
    return 0;
}

/* What a slot has that holds no value. */
static inline void put_nothing(Node *node, size_t slot, int what) {
    const uint64_t zero = 0;
    if (node->width == 4) {
        put_offset(node, slot);
    } else if (node->width) {
        memcpy(node->values.bytes + slot * (size_t)node->width, &zero, node->width == 8 ? 8 : 1);
    }
    node->there.bytes[slot] = (uint8_t)what;
}

/* Add absent values until the slot is next, and make room for it. */
static int pad(Node *node, size_t slot) {
    if (slot >= node->room && make_room(node, slot + slot / 2 + 64) < 0) return -1;
    const size_t more = slot - node->size;
    memset(node->there.bytes + node->size, ABSENT, more);
    if (node->width == 4) {
        put_offsets(node, node->size, more);
    } else if (node->width) {
        memset(node->values.bytes + node->size * (size_t)node->width, 0, more * (size_t)node->width);
    }
    node->size = slot;
    return 0;
}

/* Make room for the value of a slot; 0 if there is one already or no memory, and the line's status says which. */
static inline int opened(Reader *r, Node *node, size_t slot) {
    if (node->size == slot && slot < node->room) return 1;
    r->status = EXACT;
    if (node->size > slot) return 0;
    r->failed = pad(node, slot) < 0;
    return !r->failed;
}

static inline void closed(Node *node, size_t slot, int what) {
    node->there.bytes[slot] = (uint8_t)what;
    node->size = slot + 1;
}

/* Forget all slots from one on. A node that has none of them was not entered, nor was any below. */
static void cut_back(Node *node, size_t slots) {
    if (node->size <= slots) return;
    node->size = slots;
    if (node->width == 4) {
        int32_t offset;
        memcpy(&offset, node->values.bytes + slots * 4, 4);
        if (node->kind == ARRAY || node->kind == MAP) {
            node->items = (size_t)offset;
        } else {
            node->text.used = (size_t)offset;
        }
    }
    for (int i = 0; i < node->count; i++) cut_back(node->children[i], node->kind == OBJECT ? slots : node->items);
}

/* Make room for what a whole block holds, once a part of it, one byte in so many, is read. */
static int foresee(Node *node, double times) {
    if (make_room(node, (size_t)((double)node->size * times) + 64) < 0) return -1;
    if (widen(&node->text, (size_t)((double)node->text.used * times)) < 0) return -1;
    for (int i = 0; i < node->count; i++) {
        if (foresee(node->children[i], times) < 0) return -1;
    }
    return 0;
}

/* ---- The language --------------------------------------------------------------------------------------------- */

static inline const uint8_t *blanks(const Reader *r, const uint8_t *at) {
    while (*at <= ' ' && r->blank >> *at & 1) at++;
    return at;
}

#define STEP 32 /* bytes of a text that are looked at together */

/* Which of the next bytes are quotes, backslashes or control characters. */
static inline uint32_t stops(const uint8_t *at) {
    uint32_t found = 0;
#ifdef HAVE_SSE2
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), last = _mm_set1_epi8(31);
    for (int i = 0; i < STEP; i += 16) {
        const __m128i some = _mm_loadu_si128((const __m128i *)(const void *)(at + i));
        const __m128i hits = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(some, quote), _mm_cmpeq_epi8(some, slash)),
                                          _mm_cmpeq_epi8(_mm_min_epu8(some, last), some));
        found |= (uint32_t)_mm_movemask_epi8(hits) << i;
    }
#else
    for (int i = 0; i < STEP; i++) found |= (uint32_t)(at[i] < 32 || at[i] == '"' || at[i] == '\\') << i;
#endif
    return found;
}

/* The first quote, backslash or control character. */
static inline const uint8_t *text_end(const uint8_t *at) {
    uint32_t found;
    for (; !(found = stops(at)); at += STEP) continue;
    return at + lowest_bit(found);
}

static int hex4(const uint8_t *at) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        const int c = at[i], low = c | 32;
        if (c >= '0' && c <= '9') {
            value = value * 16 + c - '0';
        } else if (low >= 'a' && low <= 'f') {
            value = value * 16 + low - 'a' + 10;
        } else {
            return -1;
        }
    }
    return value;
}

/* A text from behind its opening quote, without escapes, added to `to` (if given) but not yet counted in it: `size`
 * says how long it is.  NULL if it is none. */
static inline const uint8_t *read_text(Reader *r, const uint8_t *at, Bytes *to, size_t *size) {
    size_t have = 0;
    for (;;) {
        const uint8_t *stop = at;
        for (uint32_t found = 0; !found;) {
            if (to) {
                if (to->room - to->used < have + STEP && grow(to, have + STEP) < 0) {
                    r->failed = 1;
                    return NULL;
                }
                memcpy(to->bytes + to->used + have, stop, STEP);
            }
            const int plain = (found = stops(stop)) ? lowest_bit(found) : STEP;
            stop += plain;
            have += (size_t)plain;
        }
        if (*stop == '"') {
            *size = have;
            return stop + 1;
        }
        if (*stop != '\\') return NULL;
        uint32_t code;
        switch (stop[1]) {
        case '"': code = '"'; break;
        case '\\': code = '\\'; break;
        case '/': code = '/'; break;
        case 'b': code = 8; break;
        case 'f': code = 12; break;
        case 'n': code = 10; break;
        case 'r': code = 13; break;
        case 't': code = 9; break;
        case 'u': {
            const int first = hex4(stop + 2);
            if (first < 0) return NULL;
            code = (uint32_t)first;
            stop += 4;
            if (code >= 0xD800 && code < 0xE000) {
                if (code >= 0xDC00 || stop[2] != '\\' || stop[3] != 'u') return NULL;
                const int second = hex4(stop + 4);
                if (second < 0xDC00 || second > 0xDFFF) return NULL;
                code = 0x10000 + ((code - 0xD800) << 10) + ((uint32_t)second - 0xDC00);
                stop += 6;
            }
            break;
        }
        default: return NULL;
        }
        at = stop + 2;
        if (!to) continue;
        if (grow(to, have + 8) < 0) {
            r->failed = 1;
            return NULL;
        }
        uint8_t *out = to->bytes + to->used + have;
        if (code < 0x80) {
            out[0] = (uint8_t)code;
            have += 1;
        } else if (code < 0x800) {
            out[0] = (uint8_t)(0xC0 | code >> 6);
            out[1] = (uint8_t)(0x80 | (code & 63));
            have += 2;
        } else if (code < 0x10000) {
            out[0] = (uint8_t)(0xE0 | code >> 12);
            out[1] = (uint8_t)(0x80 | (code >> 6 & 63));
            out[2] = (uint8_t)(0x80 | (code & 63));
            have += 3;
        } else {
            out[0] = (uint8_t)(0xF0 | code >> 18);
            out[1] = (uint8_t)(0x80 | (code >> 12 & 63));
            out[2] = (uint8_t)(0x80 | (code >> 6 & 63));
            out[3] = (uint8_t)(0x80 | (code & 63));
            have += 4;
        }
    }
}

typedef struct {
    const uint8_t *end;
    int negative, whole;    /* whole: neither point nor exponent */
    int digits;             /* of the integer part */
    int exponent;           /* the value is mantissa * 10^exponent, if `fits` */
    int significant;        /* digits, without zeros at the begin */
    int fits;               /* at most 19 digits */
    int written_out;        /* no exponent */
    int fraction;           /* digits behind the point */
    uint64_t mantissa;
} Numeral;

static inline int is_digit(uint8_t c) { return (uint8_t)(c - '0') < 10; }

/* A number as JSON has it; 0 if there is none. */
static int read_number(const uint8_t *at, Numeral *out) {
    out->negative = *at == '-';
    at += out->negative;
    if (!is_digit(*at)) return 0;
    const uint8_t *first = at;
    uint64_t mantissa = 0;
    int significant = 0;
    if (*at == '0') {
        at++;
        if (is_digit(*at)) return 0;
    } else {
        while (is_digit(*at)) mantissa = mantissa * 10 + (uint64_t)(*at++ - '0');
        if (at - first > 1000000) return 0;
        significant = (int)(at - first);
    }
    out->digits = (int)(at - first);
    out->whole = out->written_out = 1;
    out->exponent = out->fraction = 0;
    if (*at == '.') {
        const uint8_t *point = ++at;
        out->whole = 0;
        while (is_digit(*at)) {
            mantissa = mantissa * 10 + (uint64_t)(*at - '0');
            if (significant || *at != '0') significant++;
            at++;
            if (at - point > 1000000) return 0;
        }
        if (at == point) return 0;
        out->fraction = (int)(at - point);
        out->exponent = -out->fraction;
    }
    if ((*at | 32) == 'e') {
        out->whole = out->written_out = 0;
        at++;
        const int down = *at == '-';
        if (*at == '+' || *at == '-') at++;
        if (!is_digit(*at)) return 0;
        int power = 0;
        while (is_digit(*at)) {
            if (power < 100000) power = power * 10 + (*at - '0');
            at++;
        }
        out->exponent += down ? -power : power;
    }
    out->significant = significant;
    out->fits = significant <= 19;
    out->mantissa = mantissa;
    out->end = at;
    return 1;
}

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* The double that a number is, where mantissa and power are doubles themselves, so that one operation rounds right. */
static int as_double(const Numeral *number, double *out) {
    if (!number->fits || number->mantissa > EXACT_DOUBLES || number->exponent < -22 || number->exponent > 22) return 0;
    double value = (double)number->mantissa;
    value = number->exponent < 0 ? value / POWERS[-number->exponent] : value * POWERS[number->exponent];
    *out = number->negative ? -value : value;
    return 1;
}

enum { UNSURE, NEAREST, PRINTED };

/* The double nearest to a number.  PRINTED: the double, printed with as many digits, is the number as it is written;
   NEAREST: it is not, or it is a tie.  UNSURE: the number is out of the range that 128 bits decide. */
static int nearest_double(const Numeral *number, double *out) {
#ifdef __SIZEOF_INT128__
    typedef unsigned __int128 Wide;
    if (!number->fits || !number->mantissa || number->exponent > 0 || number->exponent < -22) return UNSURE;
    Wide ten = 1;
    int bits = 54; /* the quotient has 53 or 54 bits */
    for (int i = number->exponent; i < 0; i++) ten *= 10;
    for (Wide left = ten >> 1; left; left >>= 1) bits++;
    for (uint64_t left = number->mantissa; left; left >>= 1) bits--;
    if (bits < 1) return UNSURE;
    const Wide whole = (Wide)number->mantissa << bits;
    Wide mantissa = whole / ten, rest = whole - mantissa * ten, unit = ten;
    if (mantissa >> 53) {
        if (mantissa & 1) rest += ten;
        mantissa >>= 1;
        unit *= 2;
        bits--;
    }
    if (2 * rest > unit || (2 * rest == unit && mantissa & 1)) mantissa++;
    double power;
    memcpy(&power, &(uint64_t){(uint64_t)(1023 - bits) << 52}, 8); /* 2^-bits */
    const double value = (double)(uint64_t)mantissa * power;
    *out = number->negative ? -value : value;
    const Wide found = mantissa * ten, given = (Wide)number->mantissa << bits;
    return 2 * (found > given ? found - given : given - found) < (Wide)1 << bits ? PRINTED : NEAREST;
#else
    (void)number;
    (void)out;
    return UNSURE;
#endif
}

/* Whether a number is written as Python and this package write a double. */
static int is_shortest(const uint8_t *at, const Numeral *number) {
    if (!number->written_out || number->whole || number->digits + number->fraction > 15) return 0;
    const uint8_t *last = number->end - 1;
    if (*last == '0' && number->fraction > 1) return 0;
    if (number->mantissa == 0) return number->fraction == 1;
    at += number->negative;
    if (*at == '0' && at[2] == '0' && at[3] == '0' && at[4] == '0' && at[5] == '0') return 0; /* below 1e-4 */
    return 1;
}

/* Whether a number may be beyond all doubles, or has too many digits for an integer. */
static int is_huge(const Numeral *number) {
    return number->whole ? number->digits > 300 : number->digits + number->fraction + number->exponent > 300;
}

static inline uint64_t word_at(const void *at) {
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

/* The bits of a word that the first bytes in memory are in, as many as these. */
static inline uint64_t mask_of(size_t size) {
    const uint16_t order = 1;
    if (size >= 8) return ~(uint64_t)0;
    return *(const uint8_t *)&order ? ~(~(uint64_t)0 << 8 * size) : ~(~(uint64_t)0 >> 8 * size);
}

static inline uint32_t hash_of(uint64_t first, const uint8_t *text, size_t size) {
    const uint64_t odd = 0x9E3779B97F4A7C15u;
    uint64_t hash = (first ^ size) * odd;
    for (size_t at = 8; at < size; at += 8) { /* the last 8 may overlap */
        hash = (hash ^ hash >> 29 ^ word_at(text + (at + 8 <= size ? at : size - 8))) * odd;
    }
    return (uint32_t)(hash >> 32);
}

/* Whether an object has had a key before (or there is no memory); it has had it from now on. */
static int seen_before(Reader *r, uint64_t owner, const uint8_t *key, size_t size) {
    if (r->seen_used * 2 >= r->seen_room) {
        size_t room = r->seen_room ? r->seen_room * 2 : 256;
        Seen *made = calloc(room, sizeof(Seen));
        if (!made) {
            r->failed = 1;
            return 1;
        }
        for (size_t i = 0; i < r->seen_room; i++) {
            if (r->seen[i].owner < r->first_owner) continue;
            size_t at = r->seen[i].hash & (room - 1);
            while (made[at].owner) at = (at + 1) & (room - 1);
            made[at] = r->seen[i];
        }
        free(r->seen);
        r->seen = made;
        r->seen_room = room;
    }
    const uint32_t hash = hash_of(word_at(key) & mask_of(size), key, size) ^ (uint32_t)owner * 0x9E3779B1u;
    size_t at = hash & (r->seen_room - 1);
    for (; r->seen[at].owner >= r->first_owner; at = (at + 1) & (r->seen_room - 1)) {
        const Seen *entry = &r->seen[at];
        if (entry->hash == hash && entry->owner == owner && entry->size == size && !memcmp(entry->key, key, size)) {
            return 1;
        }
    }
    r->seen[at] = (Seen){key, (uint32_t)size, hash, owner};
    r->seen_used++;
    return 0;
}

static const uint8_t *refuse(Reader *r, int status) {
    r->status = status;
    return NULL;
}

/* Past the comma behind a value; `closing` is set if the bracket stands there instead.  NULL if neither does. */
static inline const uint8_t *next_item(Reader *r, const uint8_t *at, uint8_t bracket, int *closing) {
    *closing = 0;
    if (*at != ',') {
        at = blanks(r, at);
        if (*at == bracket) {
            r->depth--;
            *closing = 1;
            return at + 1;
        }
        if (*at != ',') return refuse(r, EXACT);
    }
    return blanks(r, at + 1);
}

/* A key from behind its opening quote; gives where its colon's value begins, and its size. */
static inline const uint8_t *read_key(Reader *r, const uint8_t *at, size_t *size) {
    const uint8_t *stop = text_end(at);
    if (*stop != '"') return refuse(r, EXACT); /* an escape too: the exact reader knows what it stands for */
    *size = (size_t)(stop - at);
    stop = blanks(r, stop + 1);
    if (*stop != ':') return refuse(r, EXACT);
    return blanks(r, stop + 1);
}

/* Past any value. */
static const uint8_t *skip_value(Reader *r, const uint8_t *at) {
    size_t size;
    Numeral number;
    const uint8_t *end;
    switch (*at) {
    case '"':
        end = read_text(r, at + 1, NULL, &size);
        return end ? end : refuse(r, EXACT);
    case 't': return memcmp(at, "true", 4) ? refuse(r, EXACT) : at + 4;
    case 'f': return memcmp(at + 1, "alse", 4) ? refuse(r, EXACT) : at + 5;
    case 'n': return memcmp(at, "null", 4) ? refuse(r, EXACT) : at + 4;
    case '{':
    case '[': break;
    default: {
        if (!read_number(at, &number)) return refuse(r, EXACT);
        return is_huge(&number) ? refuse(r, EXACT) : number.end;
    }
    }
    if (++r->depth > MAX_DEPTH) return refuse(r, EXACT);
    const int object = *at == '{';
    const uint8_t close = object ? '}' : ']';
    const uint64_t owner = ++r->owner;
    at = blanks(r, at + 1);
    if (*at != close) {
        for (;;) {
            if (object) {
                if (*at != '"') return refuse(r, EXACT);
                const uint8_t *key = at + 1;
                if (!(at = read_key(r, key, &size))) return NULL;
                if (seen_before(r, owner, key, size)) return refuse(r, EXACT);
            }
            int closing;
            if (!(at = skip_value(r, at)) || !(at = next_item(r, at, close, &closing)) || closing) return at;
        }
    }
    r->depth--;
    return at + 1;
}

static const uint8_t *read_value(Reader *r, const uint8_t *at, Node *node, size_t slot);

static Name make_name(const char *text, size_t size) {
    Name name = {text, size, 0, mask_of(size + 2), 0};
    uint8_t first[8] = {0}, last[8] = {0};
    for (size_t i = 0; i < size + 2; i++) {
        const uint8_t c = i < size ? (uint8_t)text[i] : i == size ? '"' : ':';
        if (i < 8) first[i] = c;
        if (i + 8 >= size + 2) last[i + 8 - (size + 2)] = c;
    }
    name.first = word_at(first);
    name.last = word_at(last);
    if (memchr(text, '\n', size)) { /* no line has it; and none is to be found at the end of one */
        name.first = 1;
        name.mask = 0;
    }
    return name;
}

/* Whether a name, a quote and a colon stand at a place. */
static inline int is_named(const Reader *r, const uint8_t *at, const Name *name) {
    if ((word_at(at) & name->mask) != name->first) return 0;
    if (name->size <= 6) return 1;
    if (name->size >= (size_t)(r->end - at) || word_at(at + name->size - 6) != name->last) return 0;
    return name->size <= 14 || !memcmp(at, name->text, name->size);
}

/* The field of an object that a key names; -1 if there is none. */
static inline int find_field(const Reader *r, const Node *node, const uint8_t *key, size_t size) {
    if (!node->count) return -1;
    const uint64_t first = word_at(key) & mask_of(size);
    for (uint32_t at = hash_of(first, key, size) & node->mask;; at = (at + 1) & node->mask) {
        const int number = node->table[at];
        if (number < 0) return -1;
        const Name *name = &node->names[number];
        if (is_named(r, key, name) || (name->size == size && !memcmp(name->text, key, size))) return number;
    }
}

/* A text, from behind its opening quote, as the value of a slot. */
static inline const uint8_t *read_string(Reader *r, const uint8_t *at, Node *node, size_t slot) {
    size_t size;
    if (!opened(r, node, slot)) return NULL;
    at = read_text(r, at, &node->text, &size);
    if (!at || node->text.used + size > INT32_MAX) return refuse(r, EXACT);
    put_offset(node, slot);
    node->text.used += size;
    closed(node, slot, THERE);
    return at;
}

static const uint8_t *read_object(Reader *r, const uint8_t *at, Node *node, size_t slot, size_t inner) {
    if (++r->depth > MAX_DEPTH) return refuse(r, EXACT);
    if (!opened(r, node, slot)) return NULL;
    closed(node, slot, THERE);
    const uint64_t owner = ++r->owner;
    at = blanks(r, at + 1);
    if (*at == '}') {
        if (node->nullable && r->flags & CHECKING) return refuse(r, UNLIKE); /* no column would hold that it is there */
        r->depth--;
        return at + 1;
    }
    for (int expected = 0;;) {
        if (*at != '"') return refuse(r, EXACT);
        const uint8_t *key = ++at;
        int number = expected;
        size_t size;
        if (expected < node->count && is_named(r, key, &node->names[expected])) {
            at = blanks(r, key + node->names[expected].size + 2);
        } else {
            if (!(at = read_key(r, key, &size))) return NULL;
            number = find_field(r, node, key, size);
        }
        if (number >= 0) {
            Node *child = node->children[number];
            expected = number + 1;
            at = *at == '"' && child->kind == TEXT ? read_string(r, at + 1, child, inner) : read_value(r, at, child, inner);
            if (!at) return NULL;
        } else {
            if (!(r->flags & IGNORE_UNKNOWN) || r->depth > 1) return refuse(r, UNLIKE);
            if (seen_before(r, owner, key, size)) return refuse(r, EXACT);
            if (!(at = skip_value(r, at))) return NULL;
        }
        int closing;
        if (!(at = next_item(r, at, '}', &closing)) || closing) return at;
    }
}

static const uint8_t *read_array(Reader *r, const uint8_t *at, Node *node, size_t slot) {
    if (++r->depth > MAX_DEPTH) return refuse(r, EXACT);
    if (!opened(r, node, slot)) return NULL;
    put_offset(node, slot);
    closed(node, slot, THERE);
    at = blanks(r, at + 1);
    if (*at != ']') {
        for (;;) {
            if (node->items >= INT32_MAX - 1) return refuse(r, EXACT);
            if (!(at = read_value(r, at, node->children[0], node->items))) return NULL;
            node->items++;
            int closing;
            if (!(at = next_item(r, at, ']', &closing)) || closing) return at;
        }
    }
    r->depth--;
    return at + 1;
}

static const uint8_t *read_map(Reader *r, const uint8_t *at, Node *node, size_t slot) {
    if (++r->depth > MAX_DEPTH) return refuse(r, EXACT);
    if (!opened(r, node, slot)) return NULL;
    put_offset(node, slot);
    closed(node, slot, THERE);
    const uint64_t owner = ++r->owner;
    Node *keys = node->children[0];
    at = blanks(r, at + 1);
    if (*at != '}') {
        for (;;) {
            size_t size;
            if (*at != '"') return refuse(r, EXACT);
            const uint8_t *key = at + 1;
            if (!(at = read_key(r, key, &size))) return NULL;
            if (seen_before(r, owner, key, size)) return refuse(r, EXACT);
            const int null = *at == 'n' && !(r->flags & CHECKING); /* a key that has no value is not there */
            if (null) {
                if (!(at = skip_value(r, at))) return NULL;
            } else {
                if (node->items >= INT32_MAX - 1) return refuse(r, EXACT);
                if (!opened(r, keys, node->items)) return NULL;
                if (keys->text.used + size > INT32_MAX || grow(&keys->text, size) < 0) return refuse(r, EXACT);
                put_offset(keys, node->items);
                memcpy(keys->text.bytes + keys->text.used, key, size);
                keys->text.used += size;
                closed(keys, node->items, THERE);
                if (!(at = read_value(r, at, node->children[1], node->items))) return NULL;
                node->items++;
            }
            int closing;
            if (!(at = next_item(r, at, '}', &closing)) || closing) return at;
        }
    }
    r->depth--;
    return at + 1;
}

/* Bytes as the text of a slot that is open. */
static const uint8_t *put_text(Reader *r, Node *node, size_t slot, const void *text, size_t size, const uint8_t *then) {
    if (grow(&node->text, size) < 0) {
        r->failed = 1;
        return refuse(r, EXACT);
    }
    put_offset(node, slot);
    memcpy(node->text.bytes + node->text.used, text, size);
    node->text.used += size;
    closed(node, slot, THERE);
    return then;
}

static const uint8_t *put_number(Reader *r, const uint8_t *at, Node *node, size_t slot) {
    Numeral number;
    if (!read_number(at, &number) || is_huge(&number)) return refuse(r, EXACT);
    if (!opened(r, node, slot)) return NULL;
    if (node->kind == INTEGER) {
        const uint64_t most = (uint64_t)INT64_MAX + (uint64_t)number.negative;
        if (!number.whole || !number.fits || number.mantissa > most) return refuse(r, UNLIKE);
        const uint64_t bits = number.negative ? 0 - number.mantissa : number.mantissa;
        put_word(node, slot, &bits);
        closed(node, slot, THERE);
        return number.end;
    }
    if (node->kind == NUMBER) {
        double value = 0;
        const int many = !number.whole && number.significant > SURE_DIGITS;
        const int known = many ? nearest_double(&number, &value) : UNSURE;
        if (r->flags & LEARNING &&
            (number.whole || number.significant > DOUBLE_DIGITS || (many && known != PRINTED))) {
            return refuse(r, UNLIKE);
        }
        if (known != UNSURE || as_double(&number, &value)) {
            if (r->flags & CHECKING && !(value < (double)EXACT_DOUBLES && value > -(double)EXACT_DOUBLES)) {
                return refuse(r, EXACT);
            }
        } else {
            if (number.whole || (r->flags & CHECKING && number.exponent + number.digits + number.fraction > 15)) {
                return refuse(r, number.whole && !(r->flags & CHECKING) ? UNLIKE : EXACT);
            }
            if (r->later_used == r->later_room) {
                size_t room = r->later_room * 2 + 256;
                Later *made = realloc(r->later, room * sizeof(Later));
                if (!made) {
                    r->failed = 1;
                    return refuse(r, EXACT);
                }
                r->later = made;
                r->later_room = room;
            }
            r->later[r->later_used++] = (Later){node, slot, r->line, at};
        }
        put_word(node, slot, &value);
        closed(node, slot, THERE);
        return number.end;
    }
    if (number.whole) {
        if (number.digits == 1 && !number.mantissa) return put_text(r, node, slot, "0", 1, number.end);
    } else if (number.significant <= DOUBLE_DIGITS && !is_shortest(at, &number)) {
        return refuse(r, EXACT);
    }
    return put_text(r, node, slot, at, (size_t)(number.end - at), number.end);
}

static const uint8_t *read_value(Reader *r, const uint8_t *at, Node *node, size_t slot) {
    const int kind = node->kind;
    const uint8_t *end;
    switch (*at) {
    case '"':
        return kind == TEXT || kind == ANY ? read_string(r, at + 1, node, slot) : refuse(r, UNLIKE);
    case '{':
        if (kind == OBJECT) return read_object(r, at, node, slot, slot);
        if (kind == MAP) return read_map(r, at, node, slot);
        return refuse(r, kind == ANY ? EXACT : UNLIKE);
    case '[': return kind == ARRAY ? read_array(r, at, node, slot) : refuse(r, kind == ANY ? EXACT : UNLIKE);
    case 'n':
        if (!(end = skip_value(r, at))) return NULL;
        if (r->flags & CHECKING) {
            if (!node->nullable || kind == OBJECT || kind == ARRAY || kind == MAP) return refuse(r, EXACT);
            if (!opened(r, node, slot)) return NULL;
            put_nothing(node, slot, IS_NULL);
            node->size = slot + 1;
        } else {
            if (!opened(r, node, slot)) return NULL;
            put_nothing(node, slot, r->flags & LEARNING ? IS_NULL : ABSENT);
            node->size = slot + 1;
        }
        return end;
    case 't':
    case 'f':
        if (kind != BOOLEAN && kind != ANY) return refuse(r, UNLIKE);
        if (!(end = skip_value(r, at))) return NULL;
        if (!opened(r, node, slot)) return NULL;
        if (kind == ANY) return put_text(r, node, slot, at, (size_t)(end - at), end);
        node->values.bytes[slot] = *at == 't';
        closed(node, slot, THERE);
        return end;
    default:
        if (*at != '-' && !is_digit(*at)) return refuse(r, EXACT);
        if (kind != INTEGER && kind != NUMBER && kind != ANY && kind != NUMERAL) return refuse(r, UNLIKE);
        return put_number(r, at, node, slot);
    }
}

/* ---- The tree ------------------------------------------------------------------------------------------------- */

static void free_node(Node *node) {
    if (!node) return;
    for (int i = 0; i < node->count; i++) free_node(node->children[i]);
    free(node->children);
    free(node->names);
    free(node->table);
    drop(&node->there);
    drop(&node->values);
    drop(&node->text);
    free(node);
}

/* A node from (kind, names, children); the names' bytes are borrowed. */
static Node *make_node(PyObject *spec, int nullable, int depth) {
    int kind;
    PyObject *names, *children;
    if (depth > MAX_DEPTH + 1 || !PyTuple_Check(spec)) {
        PyErr_SetString(PyExc_ValueError, "no tree of fields");
        return NULL;
    }
    if (!PyArg_ParseTuple(spec, "iO!O!", &kind, &PyTuple_Type, &names, &PyTuple_Type, &children)) return NULL;
    if (kind == WHOLE) { /* an object with a column of its own, in which it may be empty */
        kind = OBJECT;
        nullable = 0;
    }
    const Py_ssize_t count = PyTuple_Size(children);
    const Py_ssize_t wanted = kind == ARRAY ? 1 : kind == MAP ? 2 : kind == OBJECT ? PyTuple_Size(names) : 0;
    if (kind < 0 || kind > NUMERAL || count != wanted || count > 1 << 24) {
        PyErr_SetString(PyExc_ValueError, "no tree of fields");
        return NULL;
    }
    Node *node = calloc(1, sizeof(Node));
    if (!node) goto no_memory;
    node->kind = kind;
    node->nullable = nullable;
    node->width = width_of(kind);
    if (!count) return node;
    uint32_t room = 4;
    while (room < 2 * (uint32_t)count) room *= 2;
    node->mask = room - 1;
    node->children = calloc((size_t)count, sizeof(Node *));
    node->names = calloc((size_t)count, sizeof(Name));
    node->table = malloc(room * sizeof(int32_t));
    if (!node->children || !node->names || !node->table) goto no_memory;
    memset(node->table, 0xFF, room * sizeof(int32_t));
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *child = PyTuple_GetItem(children, i);
        if (!child || !(node->children[i] = make_node(child, nullable && kind == OBJECT, depth + 1))) goto failed;
        node->count++;
        if (kind == MAP && i == 0 && node->children[0]->kind != TEXT) {
            PyErr_SetString(PyExc_ValueError, "no tree of fields");
            goto failed;
        }
        if (kind != OBJECT) continue;
        PyObject *name = PyTuple_GetItem(names, i);
        char *bytes;
        Py_ssize_t size;
        if (!name || PyBytes_AsStringAndSize(name, &bytes, &size) < 0) goto failed;
        Name *made = &node->names[i];
        *made = make_name(bytes, (size_t)size);
        uint32_t at = hash_of(made->first & mask_of(made->size), (const uint8_t *)bytes, (size_t)size) & node->mask;
        while (node->table[at] >= 0) at = (at + 1) & node->mask;
        node->table[at] = (int32_t)i;
    }
    return node;
no_memory:
    PyErr_NoMemory();
failed:
    free_node(node);
    return NULL;
}

/* ---- Memory that Python takes over ---------------------------------------------------------------------------- */

#define PADDING 64 /* bytes behind a buffer, as Arrow has them: loops may read past the end */

typedef struct {
    PyObject_HEAD
    void *bytes;
    Py_ssize_t size;
    size_t room;
} Memory;

static PyObject *memory_type; /* made when the module is loaded */

static int memory_view(PyObject *self, Py_buffer *view, int flags) {
    const Memory *memory = (const Memory *)(const void *)self;
    return PyBuffer_FillInfo(view, self, memory->bytes, memory->size, 0, flags);
}

static void memory_free(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    let_go(((Memory *)(void *)self)->bytes, ((Memory *)(void *)self)->room);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* Make the type of :func:`given_away`'s objects, and what memory is kept with; -1 if that failed. */
int make_memory_type(void) {
    static PyType_Slot slots[] = {{Py_tp_dealloc, (void *)memory_free}, {Py_bf_getbuffer, (void *)memory_view}, {0, NULL}};
    static PyType_Spec spec = {"xdmprep._native.Memory", sizeof(Memory), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
    if (!kept.lock && !(kept.lock = PyThread_allocate_lock())) return -1;
    if (!memory_type) memory_type = PyType_FromSpec(&spec);
    return memory_type ? 0 : -1;
}

/* Bytes as an object with a buffer, which frees them; they are no longer the caller's, whatever comes back. */
static PyObject *given_away(Bytes *bytes) {
    PyTypeObject *type = (PyTypeObject *)(void *)memory_type;
    const size_t wanted = bytes->used + PADDING;
    int fits = widen(bytes, wanted) == 0;
    if (fits && wanted < bytes->room / 2) { /* most of it is not needed */
        void *smaller = realloc(bytes->bytes, wanted);
        if (smaller) {
            bytes->bytes = smaller;
            bytes->room = wanted;
        }
    }
    PyObject *made = fits ? PyType_GenericAlloc(type, 0) : PyErr_NoMemory();
    if (made) {
        ((Memory *)(void *)made)->bytes = bytes->bytes;
        ((Memory *)(void *)made)->size = (Py_ssize_t)bytes->used;
        ((Memory *)(void *)made)->room = bytes->room;
        *bytes = (Bytes){0};
    } else {
        drop(bytes);
    }
    return made;
}

/* memory(size): at most 2 GB that may hold anything, in memory that is used again once they are let go. */
PyObject *memory(PyObject *self, PyObject *object) {
    (void)self;
    const size_t size = PyLong_AsSize_t(object);
    if (PyErr_Occurred()) return NULL;
    Bytes bytes = {0};
    if (size > INT32_MAX || widen(&bytes, size + PADDING) < 0) return PyErr_NoMemory();
    bytes.used = size;
    return given_away(&bytes);
}

/* A bitmap of zeros for so many slots; NULL if there is no memory. */
static uint8_t *no_bits(Bytes *bitmap, size_t slots) {
    *bitmap = (Bytes){0};
    bitmap->used = slots / 8 + 1;
    bitmap->room = bitmap->used + PADDING;
    bitmap->bytes = calloc(bitmap->room, 1);
    if (!bitmap->bytes) PyErr_NoMemory();
    return bitmap->bytes;
}

/* Which bytes are `what`, as a bitmap; None if all of them are, or (with `none`) if no byte is. */
static PyObject *bitmap_of(const uint8_t *bytes, size_t size, int what, int none) {
    size_t hits = 0;
    for (size_t i = 0; i < size; i++) hits += bytes[i] == what;
    if (none ? hits == 0 : hits == size) return Py_NewRef(Py_None);
    Bytes bitmap;
    uint8_t *bits = no_bits(&bitmap, size);
    if (!bits) return NULL;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) { /* eight bytes of 0, 1 or 2: the bit that says `what`, gathered by one product */
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        word = word >> (what - 1) & 0x0101010101010101u;
        bits[i / 8] = (uint8_t)(word * 0x0102040810204080u >> 56);
    }
    for (; i < size; i++) bits[i / 8] |= (uint8_t)((bytes[i] == what) << (i & 7));
    return given_away(&bitmap);
}

/* (slots, valid bitmap or None, null bitmap or None, values or None, text or None, [children]) */
static PyObject *column_of(Node *node, size_t slots) {
    if (pad(node, slots) < 0) return PyErr_NoMemory();
    PyObject *children = PyTuple_New(node->count), *valid = NULL, *nulls = NULL, *values = NULL, *text = NULL;
    if (!children) return NULL;
    const size_t inner = node->kind == OBJECT ? slots : node->items;
    for (int i = 0; i < node->count; i++) {
        PyObject *child = column_of(node->children[i], inner);
        if (!child || PyTuple_SetItem(children, i, child) < 0) goto out;
    }
    if (!(valid = bitmap_of(node->there.bytes, slots, THERE, 0))) goto out;
    if (!(nulls = bitmap_of(node->there.bytes, slots, IS_NULL, 1))) goto out;
    if (node->width == 4) put_offset(node, slots); /* pad made room for it */
    node->values.used = (slots + (node->width == 4)) * (size_t)node->width;
    if (node->kind == BOOLEAN) {
        values = bitmap_of(node->values.bytes, slots, 1, 2);
        if (values == Py_None) {
            Py_DECREF(values);
            Bytes bitmap;
            values = no_bits(&bitmap, slots) ? given_away(&bitmap) : NULL;
        }
    } else {
        values = node->width ? given_away(&node->values) : Py_NewRef(Py_None);
    }
    if (!values) goto out;
    const int has_text = node->kind == TEXT || node->kind == ANY || node->kind == NUMERAL;
    text = has_text ? given_away(&node->text) : Py_NewRef(Py_None);
out:;
    PyObject *made = text ? Py_BuildValue("nOOOOO", (Py_ssize_t)slots, valid, nulls, values, text, children) : NULL;
    Py_XDECREF(valid);
    Py_XDECREF(nulls);
    Py_XDECREF(values);
    Py_XDECREF(text);
    Py_DECREF(children);
    return made;
}

static int put_place(Bytes *places, int64_t place) {
    if (grow(places, 8) < 0) return -1;
    memcpy(places->bytes + places->used, &place, 8);
    places->used += 8;
    return 0;
}

/* line_ends(data, size) -> int64 buffer: where the lines in the first `size` bytes of `data` end. */
PyObject *line_ends(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *object, *made = NULL;
    Py_ssize_t size;
    Py_buffer view;
    if (!PyArg_ParseTuple(args, "On", &object, &size)) return NULL;
    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0) return NULL;
    Bytes ends = {0};
    int failed = size < 0 || view.len < size;
    if (failed) {
        PyErr_SetString(PyExc_ValueError, "the block is shorter");
        goto out;
    }
    Py_BEGIN_ALLOW_THREADS;
    const uint8_t *first = view.buf, *at = first, *end = first + size;
    while (at < end && !failed) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        failed = put_place(&ends, (stop ? stop : end) - first) < 0;
        at = (stop ? stop : end) + 1;
    }
    Py_END_ALLOW_THREADS;
    if (failed) {
        PyErr_NoMemory();
    } else {
        made = given_away(&ends);
    }
out:
    drop(&ends);
    PyBuffer_Release(&view);
    return made;
}

/* What matters of 64 bytes of an array, as bits. */
typedef struct {
    uint64_t quotes, slashes, opening, closing, commas;
} Marks;

static inline Marks marks_of(const uint8_t *at) {
    Marks marks = {0};
#ifdef HAVE_SSE2
#define BITS(some, byte) ((uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(some, _mm_set1_epi8(byte))) << i)
    for (int i = 0; i < 64; i += 16) {
        const __m128i some = _mm_loadu_si128((const __m128i *)(const void *)(at + i));
        const __m128i folded = _mm_or_si128(some, _mm_set1_epi8(32));
        marks.quotes |= BITS(some, '"');
        marks.slashes |= BITS(some, '\\');
        marks.opening |= BITS(folded, '{');
        marks.closing |= BITS(folded, '}');
        marks.commas |= BITS(some, ',');
    }
#undef BITS
#else
    for (int i = 0; i < 64; i++) {
        marks.quotes |= (uint64_t)(at[i] == '"') << i;
        marks.slashes |= (uint64_t)(at[i] == '\\') << i;
        marks.opening |= (uint64_t)((at[i] | 32) == '{') << i;
        marks.closing |= (uint64_t)((at[i] | 32) == '}') << i;
        marks.commas |= (uint64_t)(at[i] == ',') << i;
    }
#endif
    return marks;
}

static inline size_t count_bits(uint64_t bits) {
    bits -= bits >> 1 & 0x5555555555555555u;
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (size_t)(bits * 0x0101010101010101u >> 56);
}

static inline int lowest_of(uint64_t bits) {
    return (uint32_t)bits ? lowest_bit((uint32_t)bits) : 32 + lowest_bit((uint32_t)(bits >> 32));
}

/* split_array(data) -> (end, closed, stray, ends, missing)
 *
 * A piece of an array that begins with an element: see kernels/json_plain.py for what comes back. */
PyObject *split_array(PyObject *self, PyObject *object) {
    (void)self;
    PyObject *made_ends = NULL, *made_missing = NULL, *result = NULL;
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0) return NULL;
    Bytes missing = {0}, ends = {0};
    Py_ssize_t end = 0, closed = -1, stray = -1;
    int failed = 0;
    Py_BEGIN_ALLOW_THREADS;
    const uint8_t *const first = view.buf;
    const size_t size = (size_t)view.len;
    size_t depth = 0;
    uint64_t escaped = 0, inside = 0; /* of the next byte: behind a backslash; in a text (all bits) */
    int begun = 0;                    /* behind the begin of an object or array that no comma follows yet */
    for (size_t done = 0; done < size && closed < 0 && !failed; done += 64) {
        const uint8_t *piece = first + done;
        uint8_t last[64] = {0};
        if (size - done < 64) piece = memcpy(last, piece, size - done);
        Marks marks = marks_of(piece);
        if (marks.slashes | escaped) {
            uint64_t behind = escaped;
            uint64_t left = marks.slashes & ~escaped;
            for (escaped = 0; left;) {
                const uint64_t slash = left & (0 - left), next = slash << 1;
                behind |= next;
                left &= ~(slash | next);
                escaped = !next;
            }
            marks.quotes &= ~behind;
        }
        uint64_t text = marks.quotes;
        for (int by = 1; by < 64; by *= 2) text ^= text << by;
        text ^= inside;
        inside = 0 - (text >> 63);
        marks.opening &= ~text;
        marks.closing &= ~text;
        const size_t closing = count_bits(marks.closing);
        if (depth > closing) { /* all of it is in one element */
            depth += count_bits(marks.opening) - closing;
            continue;
        }
        for (uint64_t left = marks.opening | marks.closing | (marks.commas & ~text); left; left &= left - 1) {
            const uint64_t bit = left & (0 - left);
            const size_t at = done + (size_t)lowest_of(left);
            if (marks.opening & bit) {
                if (!depth++) {
                    if (begun && first[at - 1] <= ' ') {
                        failed |= put_place(&missing, (int64_t)at) < 0 || put_place(&ends, (int64_t)at - 1) < 0;
                    }
                    begun = 1;
                }
            } else if (marks.closing & bit) {
                if (depth) {
                    depth--;
                } else if (first[at] == ']') {
                    closed = (Py_ssize_t)at;
                    break;
                } else {
                    stray = (Py_ssize_t)at;
                }
            } else if (!depth) {
                failed |= put_place(&ends, (int64_t)at) < 0;
                end = (Py_ssize_t)at + 1;
                begun = 0;
            }
        }
    }
    Py_END_ALLOW_THREADS;
    if (failed) {
        PyErr_NoMemory();
        goto out;
    }
    if (!(made_ends = given_away(&ends))) goto out;
    if (!(made_missing = given_away(&missing))) goto out;
    result = Py_BuildValue("nnnOO", end, closed, stray, made_ends, made_missing);
out:
    Py_XDECREF(made_ends);
    Py_XDECREF(made_missing);
    drop(&missing);
    drop(&ends);
    PyBuffer_Release(&view);
    return result;
}

/* Parse the records of a block; `status` gets a byte for each, and `good` says how many were taken. */
static void parse_records(Reader *r, Node *root, const int64_t *starts, const int64_t *ends, size_t count,
                          uint8_t *status, size_t *good) {
    const size_t first = count ? (size_t)starts[0] : 0, size = count ? (size_t)ends[count - 1] - first : 0;
    size_t foreseen = size / 16; /* by then what follows can be foreseen */
    const uint8_t *checked = r->data;
    int utf8_here = 1;
    for (size_t line = 0; line < count && !r->failed; line++) {
        const uint8_t *at = r->data + starts[line], *const end = r->data + ends[line], *stop = NULL;
        if (end >= checked) {
            checked = at;
            for (size_t last = line; last < count && checked < at + WINDOW; last++) checked = r->data + ends[last] + 1;
            utf8_here = utf8(at, checked - 1);
        }
        r->status = EXACT;
        r->depth = 0;
        r->line = line;
        r->first_owner = ++r->owner;
        r->seen_used = 0;
        at = blanks(r, at);
        if (at >= end) {
            r->status = BLANK;
        } else if (*at == '{' && (utf8_here || utf8(at, end)) && (stop = read_object(r, at, root, *good, *good))) {
            r->status = stop <= end && blanks(r, stop) >= end ? GOOD : EXACT;
        }
        if (r->status == GOOD) {
            ++*good;
            const size_t done = (size_t)ends[line] - first;
            if (done > foreseen) {
                const double times = 1.03 * (double)size / (double)done;
                foreseen = size;
                if (times > 2) r->failed = foresee(root, times) < 0;
            }
        } else {
            cut_back(root, *good);
            while (r->later_used && r->later[r->later_used - 1].line == line) r->later_used--;
        }
        status[line] = (uint8_t)r->status;
    }
}

/* Read the doubles that were put off; 0 with an exception set if that failed. */
static int read_later(Reader *r) {
    for (size_t i = 0; i < r->later_used; i++) {
        const Later *later = &r->later[i];
        Numeral number;
        if (!read_number(later->text, &number)) continue;
        const size_t length = (size_t)(number.end - later->text);
        r->scratch.used = 0;
        if (grow(&r->scratch, length + 1) < 0) {
            PyErr_NoMemory();
            return 0;
        }
        memcpy(r->scratch.bytes, later->text, length);
        r->scratch.bytes[length] = 0;
        const double value = PyOS_string_to_double((const char *)r->scratch.bytes, NULL, NULL);
        if (PyErr_Occurred()) return 0;
        memcpy(later->node->values.bytes + later->slot * 8, &value, 8);
    }
    return 1;
}

/* parse_json(data, starts, ends, tree, flags) -> (status, column)
 *
 * Records of `data`, which begin and end where `starts` and `ends` (int64) say: the end is their line break, their comma
 * if they are elements of an array (flag ELEMENTS), or a zero byte; 64 bytes or more follow the last, the first of them
 * zero.  `status` has a byte for each; `column` is that of the tree's root, with a slot for each good one. */
PyObject *parse_json(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *object, *start_object, *end_object, *spec, *result = NULL, *column = NULL, *states = NULL;
    Reader r = {0};
    Py_buffer view = {0}, start_view = {0}, end_view = {0};
    size_t good = 0;
    Bytes status = {0};
    Node *root = NULL;
    if (!PyArg_ParseTuple(args, "OOOOi", &object, &start_object, &end_object, &spec, &r.flags)) return NULL;
    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0) return NULL;
    if (PyObject_GetBuffer(start_object, &start_view, PyBUF_SIMPLE) < 0) goto out;
    if (PyObject_GetBuffer(end_object, &end_view, PyBUF_SIMPLE) < 0) goto out;
    const size_t count = (size_t)end_view.len / 8;
    const int64_t *const starts = start_view.buf, *const ends = end_view.buf;
    int wrong = view.len < 64 || start_view.len != end_view.len || ((uintptr_t)starts | (uintptr_t)ends) % sizeof *ends != 0;
    for (size_t i = 0; i < count && !wrong; i++) {
        wrong = starts[i] < (i ? ends[i - 1] + 1 : 0) || ends[i] < starts[i] || ends[i] > view.len - 64;
    }
    r.data = view.buf;
    r.end = r.data + (wrong ? 0 : view.len - 64);
    if (!wrong && count) { /* a zero stops all scans */
        const uint8_t *last = r.data + ends[count - 1];
        wrong = ends[count - 1] > INT32_MAX || !memchr(last, 0, (size_t)(r.end - last) + 1);
    }
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, "the records do not end one behind the other, with zeros behind the last");
        goto out;
    }
    if (!(root = make_node(spec, 1, 0))) goto out;
    if (root->kind != OBJECT) {
        PyErr_SetString(PyExc_ValueError, "a record is an object");
        goto out;
    }
    r.blank = (uint64_t)1 << ' ' | 1 << '\t' | 1 << '\r' | (r.flags & ELEMENTS ? 1 << '\n' : 0);
    Py_BEGIN_ALLOW_THREADS;
    r.failed = widen(&status, count + 1) < 0;
    if (!r.failed) parse_records(&r, root, starts, ends, count, status.bytes, &good);
    status.used = count;
    Py_END_ALLOW_THREADS;
    if (r.failed) {
        PyErr_NoMemory();
        goto out;
    }
    if (!read_later(&r)) goto out;
    if (!(column = column_of(root, good))) goto out;
    if (!(states = given_away(&status))) goto out;
    result = Py_BuildValue("OO", states, column);
out:
    Py_XDECREF(column);
    Py_XDECREF(states);
    free_node(root);
    free(r.seen);
    free(r.later);
    drop(&r.scratch);
    drop(&status);
    PyBuffer_Release(&start_view);
    PyBuffer_Release(&end_view);
    PyBuffer_Release(&view);
    return result;
}
