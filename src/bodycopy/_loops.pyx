# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The inner loops, for Cython: what functions of the same names do with NumPy elsewhere, where they are explained.

Both give the same, which tests hold them to. Arrays are typed by views on them, whose names go without the last "_".
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

import numpy as np

cdef extern from "Python.h":
    int KIND "PyUnicode_KIND"(object text)
    void *DATA "PyUnicode_DATA"(object text)
    Py_ssize_t LENGTH "PyUnicode_GET_LENGTH"(object text)
    Py_UCS4 READ "PyUnicode_READ"(int kind, void *data, Py_ssize_t place) nogil

cdef enum:  # classes of characters, as `tokens.CHARACTER` has them
    OTHER, LOWER, UPPER, DIGIT, SPACE, COMMA, STOP, QUOTE, SIGN, IDEOGRAPH
    CLASSES

cdef enum:
    LAST_CODE = 0xFFFF  # the tables of characters end here: what comes behind counts as this


cdef inline Py_UCS4 code_at(int kind, void *data, Py_ssize_t place) noexcept nogil:
    return min(READ(kind, data, place), <Py_UCS4>LAST_CODE)


def counted(list texts, const uint8_t[::1] classes, int rows):
    """For `shape.counted`, with the number of its rows."""
    cdef Py_ssize_t n = len(texts), i, j, length
    cdef int kind, row, first, last
    cdef void *data
    cdef str text
    cdef Py_UCS4 code = 0
    cdef uint32_t counts[CLASSES]
    cdef uint32_t lines
    lengths_, words_, sentences_ = np.empty(n, np.int64), np.empty(n, np.float32), np.empty(n, np.float32)
    numbers_ = np.empty((rows, n), np.float32)
    cdef int64_t[::1] lengths = lengths_
    cdef float[::1] words = words_, sentences = sentences_
    cdef float[:, ::1] numbers = numbers_
    for i in range(n):
        text = texts[i]
        kind, data, length = KIND(text), DATA(text), LENGTH(text)
        memset(counts, 0, sizeof(counts))
        lines = 0
        for j in range(length):
            code = code_at(kind, data, j)
            counts[classes[code]] += 1
            lines += code == c"\n"
        first, last = classes[code_at(kind, data, 0)], classes[code]
        counts[LOWER] += counts[IDEOGRAPH]
        lengths[i] = length
        words[i] = counts[SPACE] + 1 + counts[IDEOGRAPH] * <float>0.5
        sentences[i] = counts[STOP] + counts[COMMA] * <float>0.25
        numbers[0, i] = length
        numbers[1, i] = words[i]
        numbers[2, i] = sentences[i]
        numbers[3, i] = words[i] / (1 + counts[STOP])
        numbers[4, i] = lines
        numbers[5, i] = min(<double>length / words[i], 20)
        for row in range(LOWER, IDEOGRAPH):
            numbers[5 + row, i] = <double>counts[row] / length
        numbers[14, i] = last == STOP or last == QUOTE or code == c")"
        numbers[15, i] = code == c":" or code == 0xFF1A
        numbers[16, i] = last == COMMA
        numbers[17, i] = first == UPPER
        numbers[18, i] = first == LOWER
        numbers[19, i] = first == DIGIT
        numbers[20, i] = first == QUOTE
    return lengths_, words_, sentences_, numbers_


def integers(list values):
    """For `tokens.integers`."""
    cdef Py_ssize_t i
    out_ = np.empty(len(values), np.int64)
    cdef int64_t[::1] out = out_
    for i in range(len(values)):
        out[i] = values[i]
    return out_


def numbered(list values):
    """For `features.numbered`."""
    cdef Py_ssize_t i, number
    cdef dict numbers = {}
    of_each_ = np.empty(len(values), np.int64)
    cdef int64_t[::1] of_each = of_each_
    for i in range(len(values)):
        number = len(numbers)
        of_each[i] = numbers.setdefault(values[i], number)
    return list(numbers), of_each_


def words(list texts, const uint8_t[::1] kinds, const uint64_t[::1] folded, bint capitals_begin, uint64_t base):
    """For `tokens.words`: hashes, and where those of each text begin."""
    cdef Py_ssize_t n = len(texts), i, j, length, room = 0, found = 0
    cdef int kind
    cdef void *data
    cdef str text
    cdef Py_UCS4 code
    cdef uint8_t now, before
    cdef uint64_t value = 0, power = 0
    cdef bint inside, begins
    for text in texts:
        room += LENGTH(text)
    ids_, starts_ = np.empty(room, np.int64), np.empty(n + 1, np.int64)
    cdef int64_t[::1] ids = ids_, starts = starts_
    for i in range(n):
        starts[i] = found
        text = texts[i]
        kind, data, length = KIND(text), DATA(text), LENGTH(text)
        before = OTHER
        inside = False
        for j in range(length):
            code = code_at(kind, data, j)
            now = kinds[code]
            if capitals_begin:
                begins = now and (not before or (now == UPPER and before != UPPER))
            else:
                begins = now and (not before or now == IDEOGRAPH or before == IDEOGRAPH)
            if inside and (begins or not now):
                ids[found] = value * base >> 32
                found += 1
                inside = False
            if begins and not (capitals_begin and (j + 1 == length or not kinds[code_at(kind, data, j + 1)])):
                inside = True
                value, power = 0, 1
            if inside:
                value += folded[code] * power
                power *= base
            before = now
        if inside:
            ids[found] = value * base >> 32
            found += 1
    starts[n] = found
    return ids_[:found], starts_


cdef inline int64_t bucket(uint64_t salted) noexcept nogil:
    cdef uint32_t mixed = salted
    return (mixed ^ (mixed >> 15)) & 0xFFFF


def bucketed(const int64_t[::1] ids, uint64_t salt):
    """For `tokens.Ragged.bucketed`."""
    cdef Py_ssize_t i
    out_ = np.empty(len(ids), np.int64)
    cdef int64_t[::1] out = out_
    for i in range(len(ids)):
        out[i] = bucket(ids[i] * salt)
    return out_


def phrase_buckets(
    const int64_t[::1] ids, const int64_t[::1] starts, uint64_t word, uint64_t pair, uint64_t first, uint64_t phrase
):
    """For `tokens.phrase_buckets`, with the salts of the roles: buckets, and where those of each text begin."""
    cdef Py_ssize_t n = len(starts) - 1, i, j, a, z, at = 0
    cdef uint32_t mixed
    out_, ends_ = np.empty(2 * len(ids) + 2 * n, np.int64), np.zeros(n + 1, np.int64)
    cdef int64_t[::1] out = out_, ends = ends_
    for i in range(n):
        a, z = starts[i], starts[i + 1]
        for j in range(a, z):
            out[at] = bucket(ids[j] * word)
            at += 1
        for j in range(a + 1, min(z, a + 16)):
            mixed = ids[j] + 31 * ids[j - 1]
            out[at] = bucket(mixed * pair)
            at += 1
        if z > a:
            out[at] = bucket(ids[a] * first)
            at += 1
            if z - a <= 6:
                mixed = 0
                for j in range(a, z):
                    mixed += <uint32_t>(ids[j] * (2 * (j - a) + 3))
                out[at] = bucket(mixed * phrase)
                at += 1
        ends[i + 1] = at
    return out_[:at], ends_


def sums(const int64_t[::1] ids, const int64_t[::1] starts, const float[:, ::1] table):
    """For `tokens.Ragged.sums`."""
    cdef Py_ssize_t n = len(starts) - 1, rows = table.shape[0], width = table.shape[1], i, j, c, row
    out_ = np.zeros((n, width), np.float32)
    cdef float[:, ::1] out = out_
    for i in range(n):
        for j in range(starts[i], starts[i + 1]):
            row = ids[j] if ids[j] >= 0 else ids[j] + rows
            if row < 0 or row >= rows:
                raise IndexError(f"there is no row {row} in a table of {rows}")
            for c in range(width):
                out[i, c] += table[row, c]
    return out_


def hits(const int64_t[::1] ids, const int64_t[::1] starts, const int64_t[::1] among):
    """For `tokens.Ragged.hits`."""
    cdef Py_ssize_t n = len(starts) - 1, i, j, k
    out_ = np.zeros(n, np.int64)
    cdef int64_t[::1] out = out_
    for i in range(n):
        for j in range(starts[i], starts[i + 1]):
            for k in range(len(among)):
                if ids[j] == among[k]:
                    out[i] += 1
                    break
    return out_


def shares(
    const int64_t[::1] ids, const int64_t[::1] starts, const int64_t[::1] said, const int64_t[::1] said_starts, int room
):
    """For `claims.shares`, with the size of its table."""
    cdef Py_ssize_t n = len(starts) - 1, few = len(said_starts) - 1, i, j, bit
    cdef uint8_t found
    out_ = np.zeros((few, n), np.float32)
    cdef float[:, ::1] out = out_
    cdef uint8_t[::1] table = np.zeros(room, np.uint8)
    for bit in range(few):
        for j in range(said_starts[bit] + 1, said_starts[bit + 1]):
            table[(said[j] + 31 * said[j - 1]) & (room - 1)] |= 1 << bit
    for i in range(n):
        for j in range(starts[i] + 1, starts[i + 1]):
            found = table[(ids[j] + 31 * ids[j - 1]) & (room - 1)]
            if found:
                for bit in range(few):
                    out[bit, i] += found >> bit & 1
        for bit in range(few):
            out[bit, i] /= max(starts[i + 1] - starts[i] - 1, 1)
    return out_


cdef int within(const int64_t[:, :, :] boxes, Py_ssize_t n) except -1:
    """Raise IndexError unless some containers lie within n blocks: behind this they are looked up unchecked."""
    cdef Py_ssize_t box, i
    for box in range(len(boxes)):
        for i in range(n):
            if not 0 <= boxes[box, 0, i] <= n or not 0 <= boxes[box, 1, i] <= n:
                raise IndexError(f"a container goes from {boxes[box, 0, i]} to {boxes[box, 1, i]} of {n} blocks")
    return 0


def sums_within(const double[:, ::1] values, const int64_t[:, :, :] boxes):
    """For `context.sums_within`."""
    cdef Py_ssize_t n = values.shape[1], value, box, i
    within(boxes, n)
    out_ = np.empty((len(values), len(boxes), n))
    cdef double[:, :, ::1] out = out_
    cdef double[::1] before = np.zeros(n + 1)  # the sum over all blocks before
    for value in range(len(values)):
        for i in range(n):
            before[i + 1] = before[i] + values[value, i]
        for box in range(len(boxes)):
            for i in range(n):
                out[value, box, i] = before[boxes[box, 1, i]] - before[boxes[box, 0, i]]
    return out_


cdef int[5] OFFSETS = [0, -1, 1, -2, 2]


def surroundings(
    const float[:, ::1] scores,
    const float[:, ::1] weighted,
    const int64_t[:, :, :] boxes,
    const int64_t[:] heading,
    Py_ssize_t places,
):
    """For `context.surroundings`."""
    cdef Py_ssize_t n = scores.shape[0], k = scores.shape[1], i, c, a, z, at, place
    cdef double mass
    within(boxes, n)
    out_ = np.empty((n, places + len(boxes), k), np.float32)
    cdef float[:, :, ::1] out = out_
    cdef double[:, ::1] plain_before = np.zeros((n + 1, k)), before = np.zeros((n + 1, k + 1))  # sums over all before
    for i in range(n):
        for c in range(k):
            plain_before[i + 1, c] = plain_before[i, c] + scores[i, c]
        for c in range(k + 1):
            before[i + 1, c] = before[i, c] + weighted[i, c]
    for i in range(n):
        for place in range(5):
            at = i + OFFSETS[place]
            for c in range(k):
                out[i, place, c] = scores[at, c] if 0 <= at < n else 0
        for place in range(5, 7):
            a, z = (max(i - 8, 0), max(i - 2, 0)) if place == 5 else (min(i + 3, n), min(i + 9, n))
            for c in range(k):
                out[i, place, c] = (plain_before[z, c] - plain_before[a, c]) / max(z - a, 1)
        for place in range(7, places + len(boxes)):
            if place == 7:
                a, z = 0, i
            elif place == 8:
                a, z = i + 1, n
            elif place >= places:
                a, z = boxes[place - places, 0, i], boxes[place - places, 1, i]
            else:
                continue
            mass = max(before[z, k] - before[a, k], 0.5)
            for c in range(k):
                out[i, place, c] = (before[z, c] - before[a, c]) / mass
        if not 0 <= heading[i] < n:
            raise IndexError(f"heading {heading[i]} of {n} blocks")
        for c in range(k):
            out[i, 10, c] = scores[heading[i], c]
    return out_


def standardised(const float[:, ::1] x, const float[::1] centre, const float[::1] scale, float limit):
    """For `model.standardised`."""
    cdef Py_ssize_t i, c
    cdef float value
    out_ = np.empty((x.shape[0], x.shape[1]), np.float32)
    cdef float[:, ::1] out = out_
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            value = (x[i, c] - centre[c]) * scale[c]
            out[i, c] = min(max(value, -limit), limit)
    return out_
