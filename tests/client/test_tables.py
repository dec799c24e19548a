"""Tables as text, as HTML and as data."""

from floe_jupyter.client.tables import Table

ROWS = [{"node": "read", "taken": 2000, "ports": ["in", "x"], "hidden": 1}, {"node": "<b>", "taken": 7, "ports": [], "hidden": 2}]


def test_text_is_aligned_and_stable():
    assert repr(Table(ROWS, ["node", "taken", "ports"])).splitlines() == [
        "node  taken  ports",
        "read  2,000  in, x",
        "<b>       7",
    ]


def test_html_escapes_what_users_wrote():
    assert "<td>&lt;b&gt;</td>" in Table(ROWS, ["node"])._repr_html_()


def test_the_data_keeps_all_and_the_table_is_a_sequence():
    table = Table(ROWS, ["node"])
    assert (len(table), table[1]["hidden"], [row["taken"] for row in table]) == (2, 2, [2000, 7])


def test_long_values_are_cut_in_what_people_see():
    assert repr(Table([{"value": "x" * 500}], ["value"])).endswith("...")


def test_an_empty_table_says_so():
    assert repr(Table([], ["node"], "nothing is held")) == "nothing is held"
