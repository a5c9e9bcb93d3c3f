"""Programs that are found again without tracing their functions in Python.

A program depends on the text of this package and of the libraries below it, on static
arguments, and on structure and types of the others. All that is known before a trace
and names the trace in the cache; the entry says which compiled program it came to.
"""

import functools
import hashlib
import importlib.metadata
import io
import os
import pickle
import threading
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax._src import compilation_cache
from jax.core import Tracer
from jax.experimental import serialize_executable
from jaxlib import lapack, xla_client

from . import cache
from .cache import Programs


LEAN = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}
"""compiler options that halve the time to compile, for code that runs about as fast"""
QUICK = LEAN | {"xla_backend_optimization_level": 0}
"""for what runs a few hundred times: compiling is dearer than running it slowly"""
PACKAGE = __name__.partition(".")[0]
LIBRARIES = (
    "jax",
    "jaxlib",
    "equinox",
    "diffrax",
    "numpy",
    "optimistix",
    "lineax",
    "scipy",
)
"""whose versions a trace depends on"""
SETTINGS = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_threefry_partitionable",
    "jax_numpy_dtype_promotion",
    "jax_debug_nans",
)
"""of jax, as they are at the call"""
KNOWN = (PACKAGE, "builtins", "collections", *LIBRARIES)
"""where classes and functions come from whose text is known by package or version"""
TRACING = threading.RLock()
"""held while a link is traced: jax cannot do that in two threads at once"""


def persistent_jit(
    function: Callable[..., Any],
    *,
    static_argnums: tuple[int, ...] = (),
    compiler_options: dict[str, Any] | None = None,
) -> Callable[..., Any]:
    """`jax.jit` for calls from outside any trace, which commands keep with its traces.

    To trace and lower a link takes longer than to load it compiled. After
    `enable_cache(traces=True)` a program is found by the text of this package, the
    function, its static arguments, and structure and types of the others. Left to
    `jax.jit` is a call inside another trace, or one with classes from elsewhere, whose
    text is not known.
    """
    plain = jax.jit(
        function, static_argnums=static_argnums, compiler_options=compiler_options
    )
    loaded: dict[Any, Callable[[list], Any]] = {}

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        disabled = jax.config.jax_disable_jit  # type: ignore[attr-defined]
        if cache.kept_traces is None or disabled:
            return plain(*args)
        static = tuple(args[i] for i in static_argnums)
        moving = [x for i, x in enumerate(args) if i not in static_argnums]
        leaves, structure = jax.tree.flatten(moving)
        if not all(map(_is_concrete, leaves)):
            return plain(*args)
        # Whether a type is weak depends on who computed a number, here or before.
        shaped = tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        # What is equal may be another type, and jax tells 1 from 1.0 and True.
        told = tuple((type(value), value) for value in static)
        kind = (cache.kept_traces, _settings(), told, structure, shaped)
        if kind not in loaded:
            like = jax.tree.unflatten(structure, list(map(repr, shaped)))
            places = static_argnums, len(args)
            key = _trace_key(function, (static, places, like, compiler_options))
            if key is None:
                return plain(*args)

            def flat(leaves: list) -> Any:
                moving = iter(jax.tree.unflatten(structure, leaves))
                known = dict(zip(static_argnums, static, strict=True))
                merged = (
                    known[i] if i in known else next(moving) for i in range(len(args))
                )
                return function(*merged)

            flat.__name__ = function.__name__
            program = jax.jit(flat, compiler_options=compiler_options)
            loaded[kind] = _load(cache.kept_traces, key, leaves) or _keep(
                cache.kept_traces,
                key,
                program,
                [jax.ShapeDtypeStruct(*one) for one in shaped],
            )
        return loaded[kind](leaves)

    return call


def compiled(
    function: Callable[..., Any],
    static: Any,
    arrays: Sequence[np.ndarray | jax.Array],
    options: dict[str, Any],
) -> Callable[[list], Any]:
    """`function(static, *arrays)` as a program that takes a list of such arrays.

    Ready when it returns, and kept with its trace as those of `persistent_jit` are.
    Several threads may compile at once, while one of them traces.
    """

    def flat(leaves: list) -> Any:
        return function(static, *leaves)

    flat.__name__ = function.__name__
    program = jax.jit(flat, compiler_options=options)
    leaves = list(arrays)
    like = [repr(jax.typeof(leaf)) for leaf in leaves]
    key = cache.kept_traces and _trace_key(function, (static, like, options))
    if cache.kept_traces is None or key is None:
        with TRACING, jax.disable_jit(False):
            ready = program.lower(leaves).compile()
    else:
        kept = cache.kept_traces
        ready = _load(kept, key, leaves) or _keep(kept, key, program, leaves)

    def run(leaves: list) -> Any:
        with jax.disable_jit(False):  # these stay compiled where a user debugs
            return ready(leaves)

    return run


def _is_concrete(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray | np.generic | jax.Array) and not isinstance(
        leaf, Tracer
    )


def _keep(
    programs: Programs, key: str, program: Any, leaves: Sequence[Any]
) -> Callable[[list], Any]:
    """Trace and compile `program`, and keep what would find it again.

    What is handed back is what was kept, by another process if that was quicker.
    """
    with TRACING, jax.disable_jit(False):
        lowered = program.lower(leaves)
    programs.asked.key = None
    compiled = lowered.compile()
    executable = compiled._executable._unloaded_executable
    ours = compiled._params.const_args or executable.host_callbacks
    if programs.asked.key is None or ours:
        return compiled  # what this process holds is part of it
    # Trees of structure cannot be pickled where modules are in them; modules can.
    like = jax.tree.unflatten(compiled.out_tree, range(compiled.out_tree.num_leaves))
    inputs = jax.tree.leaves(compiled.args_info)
    text = io.BytesIO()
    _Executable(text, programs.asked.key).dump((executable, inputs, like))
    programs.put(key, text.getvalue())
    return _load(programs, key, leaves) or compiled


def _load(
    programs: Programs, key: str, leaves: Sequence[Any]
) -> Callable[[list], Any] | None:
    """The program of that key, ready to be called; None where there is none."""
    data = programs.get(key)
    if data is None:
        return None
    # Lowering would have told XLA where LAPACK is; the name of a routine is not used.
    lapack.prepare_lapack_call("potrf_ffi", np.dtype(float))
    arguments = jax.tree.structure(((list(leaves),), {}))
    try:
        executable, inputs, like = _Loader(io.BytesIO(data), programs).load()
        return jax.stages.Compiled(
            executable.load(),
            [],
            jax.tree.unflatten(arguments, inputs),
            jax.tree.structure(like),
            no_kwargs=True,
        )
    except Exception:  # whatever is wrong with an entry, it can be made again
        return None


class _Executable(serialize_executable._JaxPjrtPickler):
    """Writes an executable as the key of what the compilation kept.

    What was loaded once cannot be serialised again: XLA loses functions of it.
    """

    def __init__(self, file: io.BytesIO, key: str) -> None:
        super().__init__(file)
        self.key = key

    def persistent_id(self, obj: Any) -> tuple | None:
        """Devices and clients as jax does."""
        if isinstance(obj, xla_client.LoadedExecutable):
            return "exec", self.key
        return super().persistent_id(obj)


class _Loader(serialize_executable._JaxPjrtUnpickler):
    """Reads what `_Executable` wrote."""

    def __init__(self, file: io.BytesIO, programs: Programs) -> None:
        super().__init__(file, jax.devices()[0].client)
        self.programs = programs

    def persistent_load(self, pid: tuple) -> Any:
        """LookupError where the executable is not there any more."""
        if pid[0] != "exec":
            return super().persistent_load(pid)
        data = self.programs.get(pid[1])
        if data is None:
            raise LookupError(pid[1])
        whole = compilation_cache.decompress_executable(data)
        program, _ = compilation_cache.extract_executable_and_time(whole)
        return super().persistent_load(("exec", program))


class _Names(pickle.Pickler):
    """Writes classes and functions by name, if the name says what they do."""

    def persistent_id(self, thing: Any) -> None:
        """Raise for what comes from elsewhere."""
        if isinstance(thing, type | types.FunctionType):
            if _origin(thing) not in KNOWN:
                raise pickle.PicklingError(f"unknown text of {thing}")


def _origin(thing: Any) -> str:
    """Name of the distribution that a class or function comes from."""
    return thing.__module__.partition(".")[0]


def _trace_key(function: Callable[..., Any], what: Any) -> str | None:
    """Names a trace; None where its function or arguments are not known by name."""
    if not isinstance(function, types.FunctionType) or _origin(function) != PACKAGE:
        return None
    name = f"{function.__module__}.{function.__qualname__}"
    if "<locals>" in name:
        return None
    text = io.BytesIO()
    names = _Names(text)
    names.fast = True  # what is equal reads alike, whether it is one object or two
    try:
        names.dump((name, _settings(), what))
    except (pickle.PicklingError, AttributeError, TypeError, ValueError):
        return None
    except RecursionError:  # a tree that holds itself
        return None
    digest = hashlib.sha256(_surroundings() + text.getvalue())
    return f"trace_{function.__name__}-{digest.hexdigest()}"


def _settings() -> tuple[str, ...]:
    return tuple(repr(getattr(jax.config, name)) for name in SETTINGS)


@functools.cache
def _surroundings() -> bytes:
    """What all traces of this process depend on: this package and its libraries."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        text = file.read_bytes()
        digest.update(f"{file.relative_to(Path(__file__).parents[1])} ".encode())
        digest.update(hashlib.sha256(text).digest())
    for library in LIBRARIES:
        digest.update(f"{library} {importlib.metadata.version(library)} ".encode())
    digest.update(jax.default_backend().encode())
    digest.update(os.environ.get("XLA_FLAGS", "").encode())
    return digest.digest()
