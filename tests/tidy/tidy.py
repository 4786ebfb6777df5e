"""tidy.py - the rules of style that a machine can check, over all C code. Not a linter for bugs.

    tidy.py ROOT              prints "path:line: rule: what is wrong"; exit code 1 if anything is
    tidy.py --format ROOT     the layout, by the clang-format of scripts/setup; 77: not installed

The rules are plain text matching over code whose comments and strings are blanked; they rely on the
layout that clang-format gives: a function's braces stand alone in the first column.
test_tidy.py feeds each rule with what it must refuse.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

FUNCTION_LINES_MAX = 70
MAIN_LINES_MAX = 40
FILE_LINES_MAX = 400
TEST_FILE_LINES_MAX = 700  # tables of cases
COLUMNS_MAX = 100
PRODUCT = ("common", "services", "tools")

LAYERS = {  # who may include what, below the root
    "common/base": ("common/base",),
    "common/trace": ("common/base", "common/trace"),
    "common/event": ("common/base", "common/event", "schemas"),
    "common/kafka": ("common/base", "common/trace", "common/event", "common/kafka", "schemas"),
    "common/http": ("common/base", "common/trace", "common/http"),
    "common/service": ("common", "schemas"),
}
LIBRARIES = {  # the only users of a library's header
    "yyjson.h": ("common/event", "common/trace", "services", "tools"),
    "curl/curl.h": ("common/trace",),
    "jansson.h": ("common/http", "services", "tools"),
    "librdkafka/rdkafka.h": ("common/kafka", "services", "tools"),
    "lmdb.h": ("common/kafka",),
    "microhttpd.h": ("common/http",),
}
PURE_HEADERS = {"assert.h", "stdbool.h", "stddef.h", "stdint.h", "string.h", "common/base/util.h"}
BANNED = {
    "sleep": "waits have a bound and a clock", "usleep": "waits have a bound and a clock",
    "nanosleep": "waits have a bound and a clock", "system": "starts a shell",
    "popen": "starts a shell", "strtok": "keeps hidden state", "gets": "knows no bound",
    "sprintf": "knows no bound: snprintf", "vsprintf": "knows no bound: vsnprintf",
    "strcat": "knows no bound: snprintf", "alloca": "the stack has no bound",
    "atoi": "takes anything: strtoll", "atol": "takes anything: strtoll",
    "atoll": "takes anything: strtoll", "atof": "takes anything, and is floating point",
}


def blank(match):
    """What stands for a comment or a string: as many lines and columns, no text."""
    return re.sub(r"[^\n]", " ", match[0])


def is_below(path, folders):
    return any(path == f or path.startswith(f + "/") for f in folders)


class Source:
    def __init__(self, path, text):
        self.path = path
        self.lines = text.splitlines()
        token = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
        self.code = re.sub(token, lambda m: m[0] if is_include(text, m.start()) else blank(m), text,
                           flags=re.S)
        self.code_lines = self.code.splitlines()
        self.is_product = is_below(path, PRODUCT)
        self.is_decide = path.endswith(("_decide.c", "_decide.h")) and self.is_product

    def line_of(self, offset):
        return self.code.count("\n", 0, offset) + 1

    def functions(self):
        """(name, line of the opening brace, lines between the braces) of each."""
        start = None
        for number, line in enumerate(self.code_lines, 1):
            if line == "{":
                start = number
            elif line.startswith("}") and start is not None:
                yield self.name_before(start), start, number - start - 1
                start = None

    def name_before(self, number):
        head = " ".join(self.code_lines[max(0, number - 8):number - 1])
        names = re.findall(r"(\w+)\s*\(", re.split(r"[;}]", head)[-1])
        return names[0] if names else "?"


def is_include(text, offset):
    return text[text.rfind("\n", 0, offset) + 1:offset].startswith("#include")


def includes(source):
    for number, line in enumerate(source.code_lines, 1):
        match = re.match(r'#include\s+[<"]([^>"]+)[>"]', line)
        if match:
            yield number, match[1]


def allowed_folders(path):
    for layer, folders in LAYERS.items():
        if is_below(path, (layer,)):
            return folders
    top = "/".join(path.split("/")[:2])  # services/order, tools/sagactl
    return ("common", "schemas", top)


def rule_layers(source):
    if not source.is_product:
        return
    folders = allowed_folders(source.path)
    for number, name in includes(source):
        if name in LIBRARIES:
            if not is_below(source.path, LIBRARIES[name]):
                yield number, f"{name} is for {' and '.join(LIBRARIES[name])} only"
        elif "/" in name and is_below(name, PRODUCT + ("schemas",)) and not is_below(name, folders):
            yield number, f"{source.path} may not include {name}"


def rule_pure_core(source):
    if not source.is_decide:
        return
    own = source.path.removesuffix(".c").removesuffix(".h") + ".h"
    for number, name in includes(source):
        if name not in PURE_HEADERS and name != own and not is_below(name, ("common/event",)):
            yield number, f"a pure core may not include {name}"


def rule_banned_calls(source):
    if not source.is_product:
        return
    for match in re.finditer(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(", source.code):
        yield source.line_of(match.start()), f"{match[1]}() {BANNED[match[1]]}"


def rule_function_length(source):
    for name, number, count in source.functions():
        most = MAIN_LINES_MAX if name == "main" and source.is_product else FUNCTION_LINES_MAX
        if count > most:
            yield number, f"{name}() has {count} lines, more than {most}"


def rule_file_length(source):
    most = FILE_LINES_MAX if source.is_product else TEST_FILE_LINES_MAX
    if len(source.lines) > most:
        yield most + 1, f"the file has {len(source.lines)} lines, more than {most}"


def rule_line_length(source):
    for number, line in enumerate(source.lines, 1):
        if len(line) > COLUMNS_MAX:
            yield number, f"the line has {len(line)} columns, more than {COLUMNS_MAX}"


def closing(code, start, pair):
    """The offset after what closes the bracket at `start`."""
    depth = 0
    for offset in range(start, len(code)):
        depth += (code[offset] == pair[0]) - (code[offset] == pair[1])
        if depth == 0:
            return offset + 1
    return len(code)


def rule_no_default(source):
    """A switch over a type names them all, so that the compiler says what a new event misses."""
    if not source.is_decide:
        return
    for match in re.finditer(r"\bswitch\s*\(", source.code):
        end = closing(source.code, match.end() - 1, "()")
        if not re.search(r"\btype\s*\)$", source.code[match.end():end]):
            continue
        body = source.code[end:closing(source.code, source.code.find("{", end), "{}")]
        if re.search(r"\bdefault\s*:", body):
            yield source.line_of(match.start()), "no default in a switch over a type"


def is_mutable(declaration):
    """Without const where it counts: behind the last star, or anywhere."""
    return "sig_atomic_t" not in declaration and "const" not in declaration.split("*")[-1].split()


def rule_no_globals(source):
    """Best effort: static data, and what is defined with a value in the first column."""
    if not source.is_product or Path(source.path).name in ("main.c", "log.c"):
        return
    static = r"[ \t]*static\b[^;={}()]*[;=]|[ \t]*static struct \{"
    other = r"(?!typedef|extern)[a-z_][^;={}()]*="
    for match in re.finditer(f"^(?:{static}|{other})", source.code, re.M):
        declaration = re.sub(r"\[[^]]*\]", "", match[0]).strip(" ;={")
        if is_mutable(declaration):
            yield source.line_of(match.start()), f"mutable global: {declaration}"


RULES = {name.removeprefix("rule_").replace("_", "-"): rule
         for name, rule in list(globals().items()) if name.startswith("rule_")}


def check(source):
    for name, rule in RULES.items():
        for number, message in rule(source) or ():
            yield f"{source.path}:{number}: {name}: {message}"


def c_files(root):
    for folder in PRODUCT + ("tests",):
        yield from sorted(p for p in Path(root, folder).rglob("*.[ch]") if p.is_file())


def check_format(root):
    tool = Path(os.environ.get("SAGA_PYTHON", sys.executable)).parent / "clang-format"
    if not tool.exists() or not Path(root, ".clang-format").exists():
        print("skipped: no clang-format beside $SAGA_PYTHON; see scripts/setup and scripts/env.sh")
        return 77
    return subprocess.run([tool, "--dry-run", "--Werror", *c_files(root)], cwd=root).returncode


def main(arguments):
    root = arguments[-1]
    if arguments[0] == "--format":
        return check_format(root)
    faults = [fault for path in c_files(root)
              for fault in check(Source(path.relative_to(root).as_posix(), path.read_text()))]
    print("\n".join(faults) or f"{len(list(c_files(root)))} files are tidy")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
