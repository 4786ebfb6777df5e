"""pure.py - checks that the decide libraries are pure: of libc they ask mem*, str* and assert only.

    pure.py LIBEVENT LIBDECIDE...     archives; exit code 1, and a line for each that is too much

What they use of the event library must be pure as well: the objects there that define what is asked
for are followed. `nm` sees what includes and review do not: that a compiled rule can reach nothing.
"""
import re
import subprocess
import sys

ALLOWED = [
    r"mem\w+|str\w+|bcmp|stpcpy",      # clang turns memcmp() == 0 into bcmp()
    r"__(mem|str)\w+_chk",             # the same, as _FORTIFY_SOURCE has them
    r"__assert_fail|__stack_chk_\w+",
    r"__(asan|ubsan|tsan|msan|sanitizer|gcov|llvm|sanitizer_cov|odr_asan)_\w+",
    r"_GLOBAL_OFFSET_TABLE_",
]


def is_allowed(symbol):
    return any(re.fullmatch(pattern, symbol) for pattern in ALLOWED)


def read_nm(text):
    """{object: (defined symbols, undefined symbols)} from `nm --format=posix`."""
    objects, current = {}, None
    for line in text.splitlines():
        header = re.fullmatch(r".*\[(.+)\]:", line)
        if header:
            current = objects.setdefault(header[1], (set(), set()))
        elif line.strip():
            symbol, kind = line.split()[:2]
            current[kind in "Uw"].add(symbol)
    return objects


def objects_of(archive):
    return read_nm(subprocess.run(["nm", "--format=posix", archive], check=True,
                                  capture_output=True, text=True).stdout)


def impurities(library, cores):
    """Lines about what the objects of `cores`, and what they need of `library`, may not ask for."""
    defined_in = {symbol: name for objects in (library, cores)
                  for name, (defined, _) in objects.items() for symbol in defined}
    todo, seen = list(cores), set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for symbol in sorted((cores.get(name) or library[name])[1]):
            if symbol in defined_in:
                todo.append(defined_in[symbol])
            elif not is_allowed(symbol):
                yield f"{name}: a pure core may not ask for {symbol}"


def main(arguments):
    library, cores = objects_of(arguments[0]), {}
    for archive in arguments[1:]:
        cores.update(objects_of(archive))
    faults = list(impurities(library, cores))
    print("\n".join(faults) or f"{len(cores)} objects are pure")
    return 1 if faults or not cores else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
