"""Cells in a real shell, with a real dispatcher, runner and runtimes."""

from __future__ import annotations

import json

import pytest

import floe_jupyter as floe
from floe_jupyter.client.failures import run_failed
from floe_jupyter.core.machine.events import Failure
from floe_jupyter.errors import DefinitionError, ModuleFailed, UnknownName
from tests.kernel.waits import until

PARSE = "%%floe module parse\ndef parse(msg):\n    return {'n': int(msg)}\n"
DOUBLE = (
    "%%floe module double\ndef double(msg, ctx):\n    ctx.state['seen'] = ctx.state.get('seen', 0) + 1\n    return msg['n'] * 2\n"
)


@pytest.fixture
def sums(cells):
    """A flow of two modules: text in, twice the number out."""
    cells(PARSE)
    cells(DOUBLE)
    cells("%%floe flow sums\nparse -> double\n")
    return cells


def test_a_flow_runs_and_its_results_are_there(sums):
    run = sums("%floe run sums --input ['1', '2', '3']")
    assert (run.status, run.results, run.outputs) == ("done", [2, 4, 6], {"double.out": [2, 4, 6]})
    assert repr(run) == f"Run {run.ref}: done, 3 results"


def test_the_result_of_the_magic_can_be_assigned(sums):
    sums("r = %floe run sums --input ['7']")
    assert sums("r.results") == [14]


def test_a_cell_of_json_lines_is_the_input(sums):
    assert sums('%%floe run sums\n"1"\n\n"2"\n').results == [2, 4]


def test_names_of_the_notebook_stand_in_expressions(sums):
    sums("data = [str(i) for i in range(10)]")
    assert sums("%floe run sums --input (x for x in data)").results == [2 * i for i in range(10)]


def test_without_a_flow_the_last_one_is_meant(sums):
    assert sums("%floe run --input ['4']").results == [8]


def test_a_run_without_input_gives_each_source_one_null(cells):
    cells("%%floe module begin\ndef begin(msg):\n    return 'nothing' if msg is None else msg\n")
    cells("%%floe flow one\nbegin\n")
    assert cells("%floe run one").results == ["nothing"]


def test_inside_a_function_the_magic_blocks_and_works(sums):
    sums("def go():\n    r = get_ipython().run_line_magic('floe', \"run sums --input ['5']\")\n    return r.results\n")
    assert sums("go()") == [10]


def test_inside_a_loop_every_run_is_awaited(sums):
    sums("found = []\nfor text in '12':\n    r = %floe run sums --input text\n    found += r.results\n")
    assert sums("found") == [2, 4]


def test_braces_and_dollars_are_not_expanded(sums):
    sums("x = 3")
    assert sums("%floe run sums --input ['{x}'.format(x=9)]").results == [18]


def test_a_module_that_is_run_again_is_a_new_version(sums, capsys):
    sums(DOUBLE.replace("* 2", "* 3"))
    assert sums("%floe run sums --input ['1']").results == [3]


def test_a_cell_that_takes_a_port_away_says_which_flow_no_longer_fits(sums):
    note = str(sums(PARSE.replace("parse\n", "parse --out numbers\n", 1)))
    assert note.startswith("Module parse: python, version 2")
    assert "flow 'sums': " in note
    assert "'out'" in note


def test_a_failing_module_shows_its_own_trace_at_its_cell_and_line(sums):
    error = sums.error("%floe run sums --input ['1', 'x']")
    shown = "\n".join(error._render_traceback_())
    assert isinstance(error, floe.RunFailed)
    assert "ValueError" in str(error)
    assert "Cell In[" in shown
    assert "line 3" in shown
    assert "int(msg)" in shown
    assert "floe_jupyter/" not in shown


def test_a_failed_run_tells_its_errors(sums):
    run = sums.error("%floe run sums --input ['x']").run
    [error] = run.errors
    assert (run.status, error.node, error.line, error.input) == ("failed", "parse", 3, "x")
    assert error.message.startswith("ValueError: invalid literal")
    assert error.cell > 0


def test_python_that_cannot_be_read_is_reported_at_definition_and_the_good_one_stays(sums):
    error = sums.error("%%floe module parse\ndef parse(msg):\n    return msg[\n")
    number = sums.ip.execution_count - 1
    assert isinstance(error, DefinitionError)
    assert f"Cell In[{number}], line 3\n      return msg[\n" in str(error)
    assert sums("%floe run sums --input ['2']").results == [4]


def test_a_version_that_does_not_load_is_refused_and_the_running_flow_keeps_the_old_one(sums):
    sums("%floe start sums")
    error = sums.error("%%floe module parse\nimport nothing_of_that_name\ndef parse(msg):\n    return msg\n")
    assert isinstance(error, ModuleFailed)
    assert "No module named 'nothing_of_that_name'" in str(error)
    assert "the one before goes on" in str(error)
    assert floe.flow("sums").call("21") == 42
    sums("%floe stop sums")


def test_held_messages_are_looked_at_edited_and_sent_on(sums):
    sums("%floe break double --when msg['n'] > 100")
    run = sums("%floe run sums --input ['1', '500', '3']")
    assert run.status == "held"
    table = sums("%floe held")
    assert [(row["node"], row["value"]) for row in table] == [("double", {"n": 500})]
    sums(f"%floe edit {table[0]['id'][:6]} {{'n': 5}}")
    sums("%floe continue")
    assert run.wait().results == [2, 10, 6]
    assert sums("%floe breaks")[0]["node"] == "double"
    assert repr(sums("%floe clear double")) == "1 breakpoint removed"


def test_a_breakpoint_goes_to_the_flow_that_has_the_node(sums):
    sums("%%floe flow only\nparse\n")
    sums("%floe run only --input ['1']")
    assert sums("%floe break double").flow == "sums"
    assert sums("%floe run sums --input ['1']").status == "held"
    sums("%floe run only --input ['1']")
    assert repr(sums("%floe clear double")) == "1 breakpoint removed"


def test_a_breakpoint_without_a_flow_means_the_flow_last_run_and_says_so_where_others_have_the_node(sums):
    sums("%floe run sums --input ['1']")
    sums("%%floe flow only\nparse\n")
    found = sums("%floe break parse")
    assert repr(found) == f"Breakpoint({found.id!r}, 'parse', flow='sums')"
    assert sums("%floe run sums --input ['1']").status == "held"
    sums("%%floe flow only\nparse = double\n")
    assert [row["node"] for row in sums("%floe held")] == ["parse"]


def test_a_node_of_several_other_flows_is_refused_with_their_names(sums):
    sums("%%floe flow twice\nparse -> double\n")
    sums("%%floe flow only\nparse\n")
    sums("%floe run only --input ['1']")
    error = sums.error("%floe break double")
    assert "'only', used last, has no node 'double', but sums and twice have; say which with --flow sums" in str(error)
    assert "no node 'dubble'" in str(sums.error("%floe break dubble"))
    assert sums("%floe breaks --json") == []


def test_stepping_shows_what_each_node_took_and_gave(sums):
    sums("%floe break parse")
    run = sums("%floe run sums --input ['1', '2']")
    stepped = sums("%floe step")
    assert stepped == {"parse": {"inputStates": {"in": "1"}, "outputStates": {"out": [{"n": 1}]}, "errors": []}}
    assert repr(stepped).splitlines()[0].split() == ["node", "in", "out", "errors"]
    assert list(sums("%floe step")) == ["parse", "double"]
    assert list(sums("%floe back")) == ["parse", "double"]
    sums("%floe clear parse")
    sums("%floe continue")
    assert run.wait().results == [2, 4]


def test_a_flow_that_stays_up_takes_messages(sums):
    sums("%floe start sums")
    assert sums("%floe send sums '8' --wait").results == [16]
    assert sums("%floe send sums.double {'n': 4} --wait").results == [8]
    assert sums("%floe send sums ['1','2','3'] --each --wait").results == [6]
    assert [row["flow"] for row in sums("%floe flows --json")] == ["sums"]
    sums("%floe stop sums")


def test_a_failing_message_is_held_fixed_and_retried(sums):
    run = sums("%floe run sums --input ['1', 'x', '3'] --debug")
    [message] = sums("%floe held")
    assert (run.status, message["node"], message["value"], message["reason"]) == ("held", "parse", "x", "error")
    sums("%%floe module parse\ndef parse(msg):\n    return {'n': int(msg, 36)}\n")
    sums(f"%floe retry {message['id']}")
    assert run.wait().results == [2, 66, 6]


def test_a_detached_run_is_found_again(sums):
    run = sums("%floe run sums --input ['1'] --detach")
    run.wait()
    assert sums("%floe attach").ref == run.ref
    assert sums(f"%floe attach {run.ref} --wait").results == [2]


def test_tables_are_tables_for_people_and_data_for_programs(sums):
    sums("%floe run sums --input ['1']")
    assert "<table>" in sums("%floe runs")._repr_html_()
    json.dumps(sums("%floe runs --json"))
    for verb in ("flows", "runs", "runners", "runtimes", "deps", "logs", "status", "breaks", "held"):
        json.dumps(sums(f"%floe {verb} --json"))
        assert isinstance(repr(sums(f"%floe {verb}")), str)


def test_a_run_draws_itself(sums):
    bundle = sums("%floe run sums --input ['1', '2']")._repr_mimebundle_()
    assert bundle["text/plain"].endswith(": done, 2 results")
    assert bundle["image/svg+xml"].startswith("<svg")
    assert "<td>parse</td>" in bundle["text/html"]
    assert bundle == sums("r = %floe run sums --input ['1', '2']\nr")._repr_mimebundle_() | {"text/plain": bundle["text/plain"]}


def test_show_draws_a_flow_and_a_run(sums):
    run = sums("%floe run sums --input ['1']")
    assert "parse" in repr(sums("%floe show sums"))
    assert "double" in repr(sums(f"%floe show {run.ref}"))


def test_what_modules_print_is_in_the_logs(sums):
    sums("%%floe module parse\ndef parse(msg):\n    print('saw', msg)\n    return {'n': int(msg)}\n")
    sums("%floe start sums")
    sums("%floe send sums '1' --wait")
    until(lambda: "saw 1" in [row["text"].strip() for row in sums("%floe logs")], "the line 'saw 1' in the logs")


def test_an_exported_flow_is_a_file(sums, tmp_path):
    assert "written" in repr(sums(f"%floe export sums -o {tmp_path}/sums.floe"))
    assert (tmp_path / "sums.floe").read_text().count("%%floe") == 3


def test_an_export_under_a_name_that_could_not_be_run_is_refused(sums, tmp_path):
    for name in ("sums.ipynb", "sums.py"):
        error = sums.error(f"%floe export sums -o {tmp_path}/{name}")
        assert isinstance(error, DefinitionError)
        assert str(error).endswith(f"{name} could not be run under this name; write -o {tmp_path}/sums.floe")
        assert not (tmp_path / name).exists()


def test_help_lists_all_verbs_and_explains_one(sums):
    assert "retry" in repr(sums("%floe help"))
    assert repr(sums("%floe help break")).startswith("%floe break NODE [--when EXPR] [--hits N]")
    assert isinstance(sums.error("%floe help brek"), UnknownName)


def test_the_extension_can_be_reloaded_and_unloaded(sums):
    sums("%reload_ext floe_jupyter")
    sums(PARSE)
    transformers = len(sums.ip.input_transformers_post)
    sums("%unload_ext floe_jupyter")
    assert len(sums.ip.input_transformers_post) == transformers - 1
    assert "floe" not in sums.ip.magics_manager.magics["line"]
    sums("%load_ext floe_jupyter")


def test_other_magics_can_time_a_run(sums, capsys):
    sums("%%time\nr = %floe run sums --input ['3']\n")
    assert sums("r.results") == [6]
    sums("%time r = get_ipython().run_line_magic('floe', \"run sums --input ['4']\")")
    assert sums("r.results") == [8]


def test_the_error_of_a_failed_run_is_what_ended_it_not_what_was_passed_over():
    error = run_failed("r", [Failure("a", "ValueError: 1", "skipped"), Failure("b", "ValueError: 2")])
    assert str(error) == "run r failed in 'b': ValueError: 2 (and 1 more)"


def test_C27_the_cell_magic_alone_gives_help(cells, capsys):
    for text in ("%%floe", "%%floe\n", "%%floe\nanything", "%%floe help", "%%floe help\n# x"):
        assert "`%floe help VERB` tells more" in repr(cells(text)), text
    assert "Hold messages" in repr(cells("%%floe help break\n"))
