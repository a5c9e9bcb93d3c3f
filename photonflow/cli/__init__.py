"""The command line. What a command needs is imported inside it: `--help` is quick."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..quantity import InputError
from .terminal import (
    BAD_INPUT,
    INFEASIBLE,
    ProgressLine,
    console,
    leave,
    print_json,
    print_result,
    print_table,
    print_task,
)


SCHEMAS = ("result", "link", "experiment", "workload", "card")


class _Commands(TyperGroup):
    """Commands whose mistakes of input end in one message and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            print(f"photonflow: {error}", file=sys.stderr)
            raise typer.Exit(BAD_INPUT) from error


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes longer to import than everything else
    help="Differentiable co-design of photonic interconnects, device to J/token.",
)

Exp = Annotated[str, typer.Argument(help="Path or name of a shipped experiment.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="K=V", help="Change a setting or a quantity."),
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder of the run [runs/EXP].")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="More progress.")]
Cards = Annotated[
    Path | None, typer.Option("--cards", metavar="DIR", help="Your cards, put first.")
]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Compile anew, and keep no program.")
]


@app.command()
def run(
    exp: Exp,
    set_: Set = None,
    task: Annotated[
        int | None, typer.Option("--task", metavar="I", help="This one task only.")
    ] = None,
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    cards: Cards = None,
    no_cache: NoCache = False,
) -> None:
    """Evaluate and search all variants, and write a run folder."""
    from ..experiment import run_one, run_study

    study = _study(exp, set_, cards, no_cache)
    folder = out or Path("runs") / study.name
    with ProgressLine(quiet, verbose) as progress:
        if task is None:
            result = run_study(study, True, folder, progress)
        else:
            row, now = run_one(study, task, folder, progress)
    if task is not None:
        print_task(row, now, folder, as_json)
        leave({"variants": [row.model_dump(mode="json")]})
        return
    print_result(result, as_json)
    if not as_json:
        print(f"\nWritten to {folder}: report.html, result.json")
    leave(result)


@app.command()
def evaluate(
    exp: Exp,
    set_: Set = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    cards: Cards = None,
    no_cache: NoCache = False,
) -> None:
    """Evaluate all variants as their cards describe them, without a search."""
    from ..experiment import run_study

    study = _study(exp, set_, cards, no_cache)
    with ProgressLine(quiet, verbose) as progress:
        result = run_study(study, False, None, progress)
    print_result(result, as_json)
    leave(result)


@app.command()
def link(
    card: Annotated[str, typer.Argument(help="A link's card: its name or file.")],
    set_: Set = None,
    as_json: Json = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of figures and link.json."),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    cards: Cards = None,
    no_cache: NoCache = False,
) -> None:
    """Solve one link: its budget, watts, limits, eye and error-rate curve."""
    from ..experiment.link_report import link_result, write_link

    library, settings = _library(cards, no_cache), _settings(set_)
    with ProgressLine(quiet, verbose) as progress:
        solved, result = link_result(card, settings, library, progress)
        if out is not None or not as_json:
            folder = out or Path("runs") / f"link-{solved.name}"
            result, files = write_link(solved, result, folder, progress)
    if as_json:
        print_json(result.model_dump(mode="json", by_alias=True))
    else:
        from ..report.link_tables import link_tables

        for renderable in link_tables(result):
            console().print(renderable, highlight=False)
        print(f"\nWritten to {folder}: {', '.join(files)}")
    for row in result.diagnosis:
        print(f"photonflow: {solved.name}: {row.text}", file=sys.stderr)
    if not result.feasible:
        raise typer.Exit(INFEASIBLE)


@app.command()
def submit(
    exp: Exp,
    slurm: Annotated[bool, typer.Option("--slurm", help="To Slurm.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the scripts only.")
    ] = False,
    set_: Set = None,
    out: Out = None,
    partition: Annotated[
        str | None, typer.Option("--partition", help="Of the cluster.")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="HH:MM:SS", help="Of one task.")
    ] = None,
    cpus: Annotated[
        int, typer.Option("--cpus", metavar="N", help="Of one task.", min=1)
    ] = 2,
    parallel: Annotated[
        int | None,
        typer.Option("--parallel", metavar="K", help="Tasks at a time.", min=1),
    ] = None,
    cards: Cards = None,
) -> None:
    """Hand the unfinished tasks of an experiment to a scheduler."""
    from ..slurm import Request, render
    from ..slurm import submit as to_slurm

    if not slurm:
        raise InputError("`--slurm`", problem="no scheduler is named", key="submit")
    request = Request(
        exp, tuple(set_ or ()), out, cards, partition, time, cpus, parallel
    )
    job = render(_study(exp, set_, cards), request)
    print(job.text() if dry_run else to_slurm(job))


@app.command()
def collect(
    exp: Exp,
    set_: Set = None,
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    cards: Cards = None,
) -> None:
    """Gather finished tasks into one result, without computing anything."""
    from ..experiment import collect as gather

    study = _study(exp, set_, cards)
    folder = out or Path("runs") / study.name
    with ProgressLine(quiet, verbose) as progress:
        result = gather(study, folder, progress)
    print_result(result, as_json)
    if not as_json:
        print(f"\nWritten to {folder}: report.html, result.json")
    leave(result)


@app.command(name="cards")
def list_cards(
    kind: Annotated[str | None, typer.Argument(help="Folder, as `lasers`.")] = None,
    as_json: Json = False,
    cards: Cards = None,
) -> None:
    """List the cards."""
    library = _library(cards)
    rows = [
        {"name": name, "class": card.class_, "about": card.about}
        for name in library.names(kind)
        for card in [library.card(name)]
    ]
    if as_json:
        print_json(rows)
    else:
        print_table("", ["name", "class", "about"], [list(r.values()) for r in rows])


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A card or an experiment.")],
    set_: Set = None,
    as_json: Json = False,
    cards: Cards = None,
    no_cache: NoCache = False,
) -> None:
    """Show a card with its sources, a link also with its solved budget."""
    from ..cards.values import require_name
    from ..experiment.io import shipped
    from ..experiment.show import show_card, show_experiment

    library = _library(cards, no_cache)
    if not Path(name).is_file():
        experiments = [path.stem for path in shipped().glob("*.yaml")]
        require_name(name, [*library.names(), *experiments], what="card or experiment")
    if name in library.names():
        shown = show_card(library, name, _settings(set_))
    else:
        shown = show_experiment(_study(name, set_, cards, no_cache))
    if as_json:
        print_json(shown.data)
    else:
        for renderable in shown.tables:
            console().print(renderable, highlight=False)
    if not shown.feasible:
        print(f"photonflow: {shown.message}", file=sys.stderr)
        raise typer.Exit(INFEASIBLE)


@app.command()
def cite(exp: Exp, as_json: Json = False, cards: Cards = None) -> None:
    """List the sources an experiment rests on, and its estimates apart."""
    from ..experiment.show import citations

    shown = citations(_study(exp, None, cards))
    if as_json:
        print_json(shown.data)
    else:
        for renderable in shown.tables:
            console().print(renderable, highlight=False)


@app.command()
def schema(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(SCHEMAS)}.")],
) -> None:
    """Print the JSON Schema of a file."""
    from ..cards.values import require_name

    require_name(name, SCHEMAS, what="schema")
    if name == "result":
        from ..result.schema import Result

        print_json(Result.model_json_schema(mode="serialization"))
        return
    if name == "link":
        from ..result.link_schema import LinkResult

        print_json(LinkResult.model_json_schema(mode="serialization"))
        return
    from pydantic import TypeAdapter

    from ..cards import Card
    from ..experiment.schema import Experiment
    from ..experiment.workload_schema import WorkloadFile

    model = {"experiment": Experiment, "workload": WorkloadFile, "card": Card}[name]
    print_json(TypeAdapter(model).json_schema())


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder.")],
) -> None:
    """Write report.html and the figures of a run again."""
    from ..experiment.folder import page, read_result, read_trace, replacing

    result = read_result(folder)
    with replacing(folder) as new:
        page(new, result, read_trace(folder))
    print(f"Written to {folder / 'report.html'}")


@app.command()
def layout(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder.")],
    variant: Annotated[
        str | None,
        typer.Option("--variant", help="Whose ring [the last one with a design]."),
    ] = None,
    as_json: Json = False,
    no_cache: NoCache = False,
) -> None:
    """Draw the ring modulator of a run as a mask, and simulate what was drawn."""
    from ..experiment.folder import as_json as text_of
    from ..experiment.folder import replacing
    from ..experiment.layout_input import ring_of
    from ..report.layout_tables import mask_tables
    from ..report.table import terminal

    _prepare_jax(no_cache)
    device = ring_of(folder, variant)
    with ProgressLine(False, False) as progress, replacing(folder) as new:
        # Seconds of import, so only once there is something to draw.
        progress(f"{device.task}: layout")
        from ..layout.draw import lay_out

        about = {key: value for key, value in device._asdict().items() if key != "ring"}
        data = about | lay_out(device.ring, new)
        (new / "layout.json").write_text(text_of(data), "utf-8")
    if as_json:
        print_json(data)
        return
    for table in mask_tables(data):
        console().print(terminal(table), highlight=False)
    print(f"Written to {folder}: layout.gds, layout.png, layout.json")


def main() -> None:
    """Entry point of the console script."""
    app()


def _study(
    exp: str, settings: list[str] | None, cards: Path | None, no_cache: bool = False
) -> Any:
    from ..experiment import study

    library = _library(cards, no_cache)
    return study(exp, _settings(settings), library)


def _library(cards: Path | None, no_cache: bool = False) -> Any:
    from ..cards import Library

    _prepare_jax(no_cache)
    return Library() if cards is None else Library.with_folders(cards)


def _prepare_jax(no_cache: bool) -> None:
    from ..compilation import disable_cache, enable_cache
    from ..component import enable_x64

    enable_x64()
    disable_cache() if no_cache else enable_cache(traces=True)


def _settings(items: list[str] | None) -> dict[str, str]:
    settings = {}
    for item in items or []:
        key, equals, value = item.partition("=")
        if not (key.strip() and equals):
            raise InputError("K=V, as `search.starts=8`", got=item, key="--set")
        settings[key.strip()] = value.strip()
    return settings
