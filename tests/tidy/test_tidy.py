"""test_tidy.py - each rule of tidy.py and pure.py refuses what it is for, and nothing else."""
from pathlib import Path

import pytest

import pure
import tidy

PRODUCT = "common/kafka/x.c"
DECIDE = "services/payment/payment_decide.c"


def lines_of(count):
    return "    x();\n" * count


def function(name, count):
    return f"static int {name}(void)\n{{\n{lines_of(count)}}}\n"


BAD = {
    "layers": [
        ("common/base/x.c", '#include "common/event/event.h"\n'),
        ("common/base/x.c", '#include "schemas/generated.h"\n'),
        ("common/event/x.c", '#include "common/kafka/store.h"\n'),
        ("common/kafka/x.c", '#include "common/http/http.h"\n'),
        ("common/kafka/x.c", '#include "common/service/service.h"\n'),
        ("common/http/x.c", '#include "common/event/event.h"\n'),
        ("common/service/x.c", '#include "services/order/front_door.h"\n'),
        ("services/order/x.c", '#include "services/payment/payment_decide.h"\n'),
        ("services/order/x.c", '#include "tools/sagactl/table.h"\n'),
        ("tools/sagactl/x.c", '#include "services/order/order_view.h"\n'),
        ("common/event/x.c", "#include <jansson.h>\n"),
        ("common/base/x.c", "#include <librdkafka/rdkafka.h>\n"),
        ("services/order/x.c", "#include <lmdb.h>\n"),
        ("services/order/x.c", "#include <microhttpd.h>\n"),
    ],
    "pure-core": [
        (DECIDE, "#include <stdio.h>\n"),
        (DECIDE, "#include <time.h>\n"),
        (DECIDE, '#include "common/base/log.h"\n'),
        (DECIDE, '#include "common/kafka/participant.h"\n'),
        ("services/payment/payment_decide.h", "#include <stdlib.h>\n"),
    ],
    "banned-calls": [(PRODUCT, f"void f(void)\n{{\n    {name} (a);\n}}\n") for name in tidy.BANNED],
    "function-length": [
        (PRODUCT, function("f", 71)),
        ("services/payment/main.c", function("main", 41)),
        ("tests/unit/x.c", f"START_TEST(f)\n{{\n{lines_of(71)}}}\nEND_TEST\n"),
    ],
    "file-length": [(PRODUCT, "\n" * 401), ("tests/unit/x.c", "\n" * 701)],
    "line-length": [(PRODUCT, "x" * 101), ("tests/unit/x.h", "/*" + "x" * 99)],
    "no-default": [
        (DECIDE, "switch (last->type) {\ncase A:\n    return;\ndefault:\n    return;\n}\n"),
        (DECIDE, "switch (in->event->type) {\ncase A: {\n}\ndefault : return;\n}\n"),
    ],
    "no-globals": [
        (PRODUCT, "static int count;\n"),
        (PRODUCT, "static int count = 1;\n"),
        (PRODUCT, "int count = 1;\n"),
        (PRODUCT, "static const char *name;\n"),
        (PRODUCT, "static char buffer[10] = {0};\n"),
        (PRODUCT, "static struct {\n    int a;\n} state;\n"),
        (PRODUCT, "void f(void)\n{\n    static int calls;\n}\n"),
        (PRODUCT, "struct thing thing = {\n    .a = 1,\n};\n"),
    ],
}

GOOD = [
    ("common/event/x.c", '#include <yyjson.h>\n#include "schemas/generated.h"\n'),
    ("common/http/x.c", '#include <microhttpd.h>\n#include <jansson.h>\n#include <stdio.h>\n'),
    ("services/order/x.c", '#include "common/service/service.h"\n#include "services/order/y.h"\n'),
    ("tests/unit/x.c", '#include "services/order/y.h"\n#include <stdlib.h>\nstatic int count;\n'),
    (DECIDE, f'#include "{DECIDE[:-1]}h"\n#include <assert.h>\n#include "common/event/items.h"\n'),
    (DECIDE, "switch (level) {\ndefault:\n    return;\n}\n"),
    (DECIDE, "switch (a->type) {\ncase A:\n    f();\n}\nswitch (b) {\ndefault:\n    g();\n}\n"),
    (PRODUCT, "snprintf(a); strtoll(a); x->system(a); y.sleep(a); my_sleep(a); wait_system (a);\n"),
    (PRODUCT, '/* sleep(1), sprintf() */ x("strcat(a)"); // system("x")\nf(\'"\'); g("");\n'),
    (PRODUCT, function("f", 70) + function("g", 70)),
    ("common/kafka/main.c", function("main", 40) + "static int stop;\n"),
    ("tests/unit/x.c", function("main", 70)),
    (PRODUCT, "\n" * 400),
    (PRODUCT, "x" * 100),
    (PRODUCT, "static volatile sig_atomic_t stop;\nextern int other;\nstruct a *f(struct b *b);\n"),
    (PRODUCT, "static const char *const names[] = {0};\nconst struct a a = {0};\nstruct b;\n"),
    (PRODUCT, "static const struct {\n    int a;\n} rows[] = {{0}};\nstatic struct a *f(int b)\n"),
    (PRODUCT, "enum level { A, B };\nstruct point {\n    int x;\n};\ntypedef int f(void);\n"),
]


def faults(path, text):
    return list(tidy.check(tidy.Source(path, text)))


@pytest.mark.parametrize("rule, path, text",
                         [(rule, *case) for rule, cases in BAD.items() for case in cases])
def test_a_rule_refuses_what_it_is_there_for(rule, path, text):
    found = faults(path, text)
    assert found and all(f": {rule}: " in fault for fault in found), found


@pytest.mark.parametrize("path, text", GOOD)
def test_what_is_in_order_passes(path, text):
    assert faults(path, text) == []


def test_every_rule_is_tested():
    assert set(BAD) == set(tidy.RULES)


def test_a_fault_is_named_by_its_line():
    text = '/*\n * two\n * lines */\nint f(void)\n{\n    return atoi("1");\n}\n'
    assert faults(PRODUCT, text) == [f"{PRODUCT}:6: banned-calls: atoi() takes anything: strtoll"]


def test_the_files_of_the_project_are_found(tmp_path):
    for name in ("common/base/a.c", "services/x/b.h", "tools/y/c.c", "tests/unit/d.c", "build/e.c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert [path.name for path in tidy.c_files(tmp_path)] == ["a.c", "b.h", "c.c", "d.c"]


def test_a_fault_makes_the_program_fail(tmp_path, capsys):
    (tmp_path / "common").mkdir()
    (tmp_path / "common/a.c").write_text("int x = 1;\n")
    assert tidy.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == "common/a.c:1: no-globals: mutable global: int x\n"
    (tmp_path / "common/a.c").write_text("\n")
    assert tidy.main([str(tmp_path)]) == 0


def test_another_layout_is_refused(tmp_path):
    (tmp_path / "common").mkdir()
    rules = Path(tidy.__file__).parents[2] / ".clang-format"
    (tmp_path / ".clang-format").write_bytes(rules.read_bytes())
    (tmp_path / "common/a.c").write_text("int f(void)\n{\n    return 1;\n}\n")
    code = tidy.main(["--format", str(tmp_path)])
    if code == 77:
        pytest.skip("no clang-format")
    assert code == 0
    (tmp_path / "common/a.c").write_text("int f(void) {\n  return 1;\n}\n")
    assert tidy.main(["--format", str(tmp_path)]) == 1


# --- pure.py --------------------------------------------------------------------------------------

LIBRARY = """\
libevent.a[event.c.o]:
event_key T 0 10
event_infos U
libevent.a[generated.c.o]:
event_infos R 0 10
libevent.a[codec.c.o]:
codec_new T 0 10
malloc U
"""


def impurities(symbols):
    core = "libx.a[x_decide.c.o]:\nx_decide T 0 10\n" + "".join(f"{s} U\n" for s in symbols)
    return list(pure.impurities(pure.read_nm(LIBRARY), pure.read_nm(core)))


@pytest.mark.parametrize("symbol", ["malloc", "free", "printf", "snprintf", "time", "clock_gettime",
                                    "getenv", "write", "log_write", "error_set", "__printf_chk",
                                    "pthread_mutex_lock", "__errno_location", "abort"])
def test_a_core_that_asks_for_more_is_refused(symbol):
    assert impurities([symbol]) == [f"x_decide.c.o: a pure core may not ask for {symbol}"]


@pytest.mark.parametrize("symbol", ["memcpy", "strcmp", "strnlen", "__assert_fail", "bcmp",
                                    "__stack_chk_fail", "__asan_report_load8", "__memcpy_chk",
                                    "__ubsan_handle_add_overflow_abort", "__asan_init"])
def test_a_core_may_ask_for_these(symbol):
    assert impurities([symbol]) == []


def test_what_is_used_of_the_event_library_is_followed():
    assert impurities(["event_key"]) == []
    assert impurities(["codec_new"]) == ["codec.c.o: a pure core may not ask for malloc"]
