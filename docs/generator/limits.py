"""The limits of operation, read where the models declare them."""

from photonflow import limits

from .interface import modules_of_physics
from .markdown import code, page, plain, table


PUTS_RIGHT = {"more": "more light", "less": "less light", None: "another design"}


def pages() -> dict[str, str]:
    """One page of all limits."""
    return {
        "reference/limits.md": page(
            "# Limits",
            """Every model answers with *slacks*: a limit is met where its slack is 0 or
more, and the slack goes on falling as it is passed, so that a search can come back. The
names are those in `constraints` of an experiment, which may ask for more than 0, and in
`result.json`. All limits hold at the worst corner; some at the nominal climate as well.
Those of a cluster (memory, layouts) are errors when a file is read.""",
            table(
                ("limit", "what it is", "unit", "also nominal", "what helps", "model"),
                (
                    (
                        code(limit.name),
                        plain(limit.label),
                        plain(limit.unit),
                        "yes" if limit.nominal else "",
                        PUTS_RIGHT[limit.light],
                        code(module.removeprefix("photonflow.")),
                    )
                    for limit, module in sorted(declared().items())
                ),
            ),
        )
    }


def declared() -> dict[limits.Limit, str]:
    """Every limit and the module that declares it beside its slack."""
    modules_of_physics()
    return dict(limits._declared.values())
