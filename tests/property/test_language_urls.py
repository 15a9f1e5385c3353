"""The kernels on URLs and event lists beside the reference: strings of the marks that part them, and changed ones."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from language_kit import errors_of, values_of

from xdmprep.language import Options, compile_expression
from xdmprep.language.catalogue import Context
from xdmprep.language.interpreter import Scope, compile_node, run

FUNCTIONS = [
    "get_url_protocol(v)", "get_url_host(v)", "get_url_port(v)", "get_url_path(v)", "get_url_path(v, false)",
    "get_url_query_str(v)", "get_url_query_str(v, 'remove')", "get_url_query_str(v, 'append')", "get_url_encoded(v)",
    "get_url_decoded(v)", "get_url_decoded(get_url_encoded(v))",
]  # fmt: skip
WHOLE = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["https://", "HTTP://", "mailto:", "s3://", "//", "x:/", ""]),
    st.sampled_from(
        [
            "a.com",
            "u@a.com",
            "a.com:443",
            "a.com:",
            "u:p@a.com:8080",
            "[::1]:80",
            "u[@a.com",
            "m\u00fcnchen.de:80",
            "\u6771\u4eac.jp:8",
            "",
            "a:99999999",
            "a:8x",
        ]
    ),
    st.sampled_from(["", "/", "/a/b.html", "a//b/", "/%C3%A9%ff%2", "/a b", "/\u00fc", "/a[1]"]),
    st.sampled_from(
        [
            "",
            "?",
            "?a=1&b=2",
            "?a=1&a=2&&=&c",
            "?a=%20",
            "?x[]=1&y\u00e9=\u00fc",
            "?a=\u00a0",
            "?\u2003\u200b",
            "?\x1f\x85",
            "?q=a?b",
        ]
    ),
    st.sampled_from(["", "#", "#top", "#a?b#c"]),
)
TEXTS = st.one_of(WHOLE, st.text("ab:/?#@[]%=&.-+2F1 \u00e9\n", max_size=14), WHOLE.map(lambda url: url[1:]), st.none())


@settings(max_examples=400)
@given(st.sampled_from(FUNCTIONS), st.lists(TEXTS, min_size=1, max_size=8), st.sampled_from(["bare", "slash"]))
@example("get_url_decoded(v)", ["%ff", "%41", "%", "%4", "%C3%A9", None], "bare")
def test_parts_of_columns_are_those_of_each_text(text: str, values: list[str | None], path_end: str) -> None:
    _same_as_each(text, values, Options(path_end=path_end))


EVENTS = ["event_id", "event_value", "product_event_values", "product_event_ids", "product_events", "product_evars"]
ITEMS = st.lists(
    st.sampled_from([*"=:,;| 5x\n\u00a0\u00e9\x1c", "e1", "e2", "e1=2", "e1=2:3", "e1:4", ";a;1;2;", ";;;;", "e1e1"]),
    max_size=12,
).map("".join)


@settings(max_examples=400)
@given(
    st.sampled_from([*EVENTS, "product_names", "product_price"]),
    st.sampled_from(["e1", "e2", "e", " e1", "e1=", ".*", "", "e1:e2", "e1e1"]),
    st.lists(st.none() | ITEMS, min_size=1, max_size=8),
)
def test_events_of_columns_are_those_of_each_text(function: str, name: str, values: list[str | None]) -> None:
    argument = f', "{name}"' if function in EVENTS else ""
    _same_as_each(f"aa_get_{function}(v{argument})", values, Options())


def _same_as_each(text: str, values: list[str | None], options: Options) -> None:
    batch = pa.record_batch({"v": pa.array(["x:", *values, "y"], pa.string())}).slice(1, len(values))
    expression = compile_expression(text, batch.schema, options)
    got = expression.apply(batch)
    assert not errors_of(got)
    if isinstance(got.values, pa.Array):
        got.values.validate(full=True)
    evaluate = compile_node(expression.tree)
    alone = [run(evaluate, Scope({"v": value}, Context(options))) for value in values]
    found = values_of(got)
    assert found == alone
