"""Finding and reading experiment, workload and model files, and `--set`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..cards.library import card_root
from ..cards.schema import check, read_yaml
from ..cards.values import require_name
from ..quantity import InputError
from .schema import Experiment, ModelConfig
from .workload_schema import WorkloadFile, check_workload


def shipped() -> Path:
    """Folder of the experiments that come with the package."""
    return card_root() / "experiments"


def label(path: Path) -> str:
    """How messages call a file."""
    root = card_root()
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def locate(name_or_path: str | Path) -> Path:
    """The file of an experiment, given by its path or by a shipped name."""
    path = Path(name_or_path)
    text = str(name_or_path)
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise InputError(
            "an experiment file or the name of a shipped experiment",
            problem="there is no such file",
            file=text,
        )
    names = [file.stem for file in sorted(shipped().glob("*.yaml"))]
    require_name(text, names, what="experiment")
    return shipped() / f"{text}.yaml"


def folders(file: Path, name: str) -> list[Path]:
    """The folders `name` of an experiment: beside its file, then the shipped one."""
    return list(dict.fromkeys([file.parent / name, shipped() / name]))


def read_experiment(file: Path) -> dict[str, Any]:
    """The data of an experiment file, once they have the shape of one."""
    data = read_yaml(file, label(file))
    name = _check(data, label(file)).name
    if name != file.stem:
        raise InputError(
            f"'{file.stem}', the name of the file",
            got=name,
            key="name",
            file=label(file),
        )
    return data


def configure(
    data: dict[str, Any], settings: Mapping[str, str], file: Path
) -> tuple[Experiment, dict[str, str]]:
    """The experiment of `data` with `settings`, and those of them it has no key for.

    A setting whose first word is a key of an experiment changes the data, as
    `search.starts=8`; any other has to be the path of a quantity in the cluster.
    """
    own = {path: text for path, text in settings.items() if is_key(path)}
    rest = {path: text for path, text in settings.items() if path not in own}
    if not own:
        return _check(data, label(file)), rest
    data = _unshared(data)
    for path, text in own.items():
        _inline_workload(data, path, file)
        _assign(data, path, _scalar(text, path))
    return _check(data, "--set"), rest


def is_key(path: str) -> bool:
    """Whether `path` begins with a key of an experiment."""
    return path.split(".")[0] in Experiment.model_fields


def read_workload(
    file: Path, name: str, entry: str | WorkloadFile
) -> tuple[WorkloadFile, str]:
    """The workload `name` of the experiment in `file`, and how messages call it."""
    if not isinstance(entry, str):
        return entry, f"{label(file)}: workloads.{name}"
    path = find_workload(file, name, entry)
    return check_workload(read_yaml(path, label(path)), label(path)), label(path)


def find_workload(file: Path, name: str, entry: str) -> Path:
    """The file that holds the workload `entry`."""
    places = folders(file, "workloads")
    for folder in places:
        if (folder / f"{entry}.yaml").is_file():
            return folder / f"{entry}.yaml"
    names = {path.stem for folder in places for path in folder.glob("*.yaml")}
    require_name(
        entry, names, key=f"workloads.{name}", file=label(file), what="workload"
    )
    raise AssertionError(f"{entry} was listed and is gone")


def read_model(file: Path, name: str, who: str) -> tuple[ModelConfig, str]:
    """The `config.json` of the model `name`, and how messages call it."""
    places = folders(file, "models")
    paths = [folder / name / "config.json" for folder in places]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        names = {p.parent.name for f in places for p in f.glob("*/config.json")}
        require_name(name, names, key="model", file=who, what="model")
        raise AssertionError(f"{name} was listed and is gone")
    place = label(path)
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("JSON", problem=str(error), file=place) from error
    config = check(ModelConfig, data, place)
    names = config.architectures or (config.model_type,)
    if not set(names) & {"LlamaForCausalLM", "llama"}:
        raise InputError(
            "a dense decoder of the kind `LlamaForCausalLM`",
            got=", ".join(names) or None,
            key="architectures",
            file=place,
        )
    if config.tie_word_embeddings:
        raise InputError(
            "false: the model of a decoder counts embedding and head apart",
            got=True,
            key="tie_word_embeddings",
            file=place,
        )
    return config, place


def _check(data: Any, who: str) -> Experiment:
    # Unions first: pydantic also tells why a value is none of their other options.
    for name, entry in _entries(data, "workloads"):
        if isinstance(entry, dict):
            try:
                check_workload(entry, who)
            except InputError as error:
                error.key = f"workloads.{name}.{error.key}"
                raise
    for variant, free in _entries(data, "free"):
        if free == []:
            _refuse_empty(free, f"free.{variant}", who)
        for place, group in _groups(free):
            key = f"free.{variant}{place}.parameters"
            if isinstance(group, dict) and group.get("parameters") == {}:
                _refuse_empty({}, key, who)
            for path, given in _entries(group, "parameters"):
                _check_range(given, f"{key}.{path}", who)
    return check(Experiment, data, who)


def _groups(free: Any) -> list[tuple[str, Any]]:
    """Groups of a variant, with what their keys have in a list of them."""
    if isinstance(free, list):
        return [(f".{i}", group) for i, group in enumerate(free)]
    return [("", free)]


def _refuse_empty(got: Any, key: str, who: str) -> None:
    raise InputError(
        "something that is free, or no such key: nothing would be searched",
        got=got,
        key=key,
        file=who,
    )


def _check_range(given: Any, key: str, who: str) -> None:
    if isinstance(given, dict) and list(given) == ["choices"]:
        if given["choices"] == []:
            raise InputError(
                "at least one option", got=[], key=f"{key}.choices", file=who
            )
        return
    branched = isinstance(given, dict) and list(given) == ["branches"]
    ranges = given["branches"] if branched else [given]
    if not (isinstance(ranges, list) and ranges and all(map(_pair, ranges))):
        raise InputError(
            "['lowest', 'highest'] with units, branches: [[...], [...]] or "
            "choices: [...]",
            got=given,
            key=key,
            file=who,
        )


def _entries(data: Any, key: str) -> list[tuple[Any, Any]]:
    inner = data.get(key) if isinstance(data, dict) else None
    return list(inner.items()) if isinstance(inner, dict) else []


def _pair(ends: Any) -> bool:
    return isinstance(ends, list) and [type(end) for end in ends] == [str, str]


def _unshared(data: Any) -> Any:
    """A copy in which what YAML took from one anchor may differ."""
    if isinstance(data, dict):
        return {key: _unshared(value) for key, value in data.items()}
    return [*map(_unshared, data)] if isinstance(data, list) else data


def _scalar(text: str, path: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError("a YAML value", got=text, key=path, file="--set") from error


def _inline_workload(data: dict[str, Any], path: str, file: Path) -> None:
    """Puts the workload's own data where its name stood, for a setting inside it."""
    first, *rest = path.split(".")
    entries = data.get(first) or {}
    if first == "workloads" and len(rest) > 1 and isinstance(entries.get(rest[0]), str):
        source = find_workload(file, rest[0], entries[rest[0]])
        entries[rest[0]] = read_yaml(source, label(source))


def _entry(entries: list[Any], steps: list[str], taken: int, path: str) -> Any:
    """The mapping in a list whose number is the step that follows `taken` of them."""
    number, inside = steps[taken], len(steps) > taken + 1
    found = int(number) if number.isdecimal() else len(entries)
    if not inside or found >= len(entries):
        raise InputError(
            f"`{'.'.join(path.split('.')[: -len(steps)] + steps[:taken])}` with 0 to "
            f"{len(entries) - 1} for one of its entries, and a key in there",
            got=".".join(steps[taken:]),
            key=path,
            file="--set",
        )
    return entries[found]


def _assign(data: dict[str, Any], path: str, value: Any) -> None:
    """Sets a value deep in `data`; keys may themselves be dotted, as paths are.

    What stands in a list has its number there for a key.
    """
    here, steps = data, path.split(".")
    while len(steps) > 1:
        for taken in range(len(steps) - 1, 0, -1):
            inner = here.get(".".join(steps[:taken]))
            if isinstance(inner, list) and dict in map(type, inner):
                inner, taken = _entry(inner, steps, taken, path), taken + 1
            if isinstance(inner, dict):
                here, steps = inner, steps[taken:]
                break
        else:
            if ".".join(steps) in here or here is not data:
                break  # one dotted key, as in `parts` and `parameters`
            inner = here.setdefault(steps[0], {})
            if not isinstance(inner, dict):
                problem = f"`{steps[0]}` holds a value, no keys"
                raise InputError(problem=problem, key=".".join(steps), file="--set")
            here, steps = inner, steps[1:]
    key = ".".join(steps)
    # Where the file has text, `--set` means text: 0.5 for '0.5'.
    here[key] = str(value) if isinstance(here.get(key), str) else value
