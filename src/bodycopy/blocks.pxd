# The types that the variables of blocks.py have where Cython compiles it. Python itself never reads them.
cimport cython

cdef int BLOCK, VERBATIM, PART, SKIP, BREAK, TITLE, NOSCRIPT, LINK, FORMAT, THING, INLINE, INERT


@cython.locals(name=str, key=str, value=str)
cdef str naming(object attributes)

@cython.locals(style=str)
cdef int visibility(object attributes)

@cython.locals(character=str)
cpdef str fold(str text)

@cython.locals(whole=str, unusual=list, character=str, text=str, i=Py_ssize_t)
cpdef fold_all(list texts)

cdef str lines_of(str text, bint verbatim)


cdef class Segmenter:
    cdef readonly list events, tags
    cdef readonly object data
    cdef Cutter cutter


cdef class Cutter:
    cdef bint rich, namespaced, waiting
    cdef readonly bint enough
    cdef bytes source
    cdef object out
    cdef list attributes, kinds, heard, title, parts, tokens, formats, targets, steps, counts
    cdef dict lined
    cdef Py_ssize_t current, most_open, skip_from, verbatim, linked, n_links, in_link, break_at, link_from, link_end
    cdef str began, href, lead

    @cython.locals(
        at=Py_ssize_t, out=object, rich=bint, texts=list, nodes=list, links=list, link_chars=list, hrefs=list, leads=list,
        tags=list, parents=list, first=list, last=list, all_attributes=list, kinds_of=dict, kinds=list, parts=list,
        current=Py_ssize_t, verbatim=Py_ssize_t, skip_from=Py_ssize_t, waiting=bint, heard=list, linked=Py_ssize_t,
        n_links=Py_ssize_t, in_link=Py_ssize_t, break_at=Py_ssize_t, link_from=Py_ssize_t, link_end=Py_ssize_t,
        href=str, lead=str, most_blocks=Py_ssize_t, most_nodes=Py_ssize_t, most_links=Py_ssize_t,
        most_depth=Py_ssize_t, event=object, kind=int, tag=str, attributes=object, text=str, has_lines=bint,
    )
    cdef cut(self, list events, list begun)

    cdef shut(self, tuple token)

    cdef finish(self)


cdef Py_ssize_t folded_length(list parts)

@cython.locals(kinds=dict, tag=str, kind=str, first=Py_ssize_t, last=Py_ssize_t, degree=int)
cdef describe(object out, list all_attributes)

cdef Py_ssize_t beside(object out, Py_ssize_t node, list parts)

@cython.locals(name=str, about=str)
cdef notice(object out, str tag, object attributes, Py_ssize_t node, list parts)

cdef step_into(str tag, list steps, list counts, bint namespaced)
