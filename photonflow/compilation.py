"""Compiled programs that outlive their process.

XLA takes most of the seconds of a short run, and its programs depend on the model and
the shape of a study, not on the numbers of its cards. jax can keep them in a folder;
here that folder is made safe to be on by default. What jax's own store leaves open: an
entry cut short by a kill or a full disk is read, warned about and compiled again for
ever, a bound on the size needs one lock for all processes, and XLA prints a page of CPU
features for each program that it loads.

An entry lies in a folder of its CPU model and jaxlib, begins with its checksum, and is
renamed into place when complete. Commands keep with `persistent_jit` what precedes the
compilation as well: the trace of a function, found by the text of this package.
"""

import functools
import hashlib
import importlib.metadata
import io
import logging
import os
import pickle
import platform
import threading
import types
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax._src import compilation_cache
from jax._src.compilation_cache_interface import CacheInterface
from jax.experimental import serialize_executable
from jaxlib import lapack, utils
from jaxlib.version import __version__ as jaxlib_version


LEAN = {"xla_cpu_use_fusion_emitters": False}
"""compiler options that halve the time to compile, for code that runs about as fast"""
QUICK = LEAN | {"xla_backend_optimization_level": 0}
"""for what runs a few hundred times: compiling is dearer than running it slowly"""

LIMIT_BYTE = 1_000_000_000
"""of all folders together; beyond it the least recently used programs go"""
KEPT_SHARE = 0.8
"""of the limit is kept then, so that not every new program looks through them all"""
CHECKSUM_BYTE = 4
CPU_FACTS = (
    "vendor_id",
    "cpu family",
    "model",
    "model name",
    "flags",
    "CPU implementer",
    "CPU part",
    "CPU variant",
    "Features",
)
"""lines of /proc/cpuinfo that tell one kind of x86 or ARM processor from another"""
ONLY_FATAL = 3
"""level of XLA's log; its errors also reach Python as exceptions"""
JAX_DEFAULT_LEVEL = "1"

PACKAGE = __name__.partition(".")[0]
LIBRARIES = ("jax", "jaxlib", "equinox", "numpy", "optimistix", "lineax")
"""whose versions a trace depends on"""
KNOWN = (PACKAGE, "builtins", "collections", *LIBRARIES)
"""where classes and functions come from whose text is known by package or version"""

_log = logging.getLogger("photonflow")


def enable_cache(folder: str | Path | None = None, traces: bool = False) -> Path | None:
    """Keep compiled programs in `folder`, and use those that are there.

    Without `folder`: `$PHOTONFLOW_CACHE_DIR`, else `$JAX_COMPILATION_CACHE_DIR`, else
    `$XDG_CACHE_HOME/photonflow`, else `~/.cache/photonflow`. Returns the folder of this
    machine below it, or None where it cannot be used, which is said in one line of the
    log. Call it before the first computation. With `traces`, which is for programs that
    change no function of this package while they run, `persistent_jit` is at work too.
    """
    try:
        top = Path(folder) if folder is not None else cache_folder(os.environ)
        own = top / f"jaxlib-{jaxlib_version}-{platform.machine()}-{_cpu()}"
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home folder
        _log.warning("photonflow: compiled programs are not kept: %s", error)
        disable_cache()
        return None
    jax.config.update("jax_enable_compilation_cache", True)
    # A program of a few operations costs less to read than to compile.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    compilation_cache.reset_cache()
    programs = Programs(own)
    compilation_cache._cache = programs
    compilation_cache._cache_initialized = True
    # For each program that it loads XLA warns that hints of its compiler, such as
    # `prefer-no-gather`, are no features of the CPU; the key has the true features.
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", JAX_DEFAULT_LEVEL) == JAX_DEFAULT_LEVEL:
        utils.absl_set_min_log_level(ONLY_FATAL)
    global _traces
    _traces = programs if traces else None
    return own


def disable_cache() -> None:
    """Compile everything again, whatever the environment says."""
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()
    global _traces
    _traces = None


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where programs are kept, by the variables of `environment`."""
    for name in ("PHOTONFLOW_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR"):
        if environment.get(name):
            return Path(environment[name]).expanduser()
    base = Path(environment.get("XDG_CACHE_HOME", ""))
    # The standard wants a path that is not absolute to be ignored.
    return (base if base.is_absolute() else Path.home() / ".cache") / "photonflow"


_traces: "Programs | None" = None


class Programs(CacheInterface):
    """A folder of compiled programs that several processes may share."""

    def __init__(self, folder: Path, limit_byte: int = LIMIT_BYTE) -> None:
        self._path = folder
        self._limit_byte = limit_byte
        self._byte = sum(size for _, size, _ in self._entries())
        self._writable = True
        self.asked = threading.local()
        """`key` of what this thread asked for last"""

    def get(self, key: str) -> bytes | None:
        """The program of that key; None where there is none that is whole."""
        self.asked.key = key
        file = self._file(key)
        try:
            data = file.read_bytes()
        except OSError:
            return None
        program = data[CHECKSUM_BYTE:]
        if data[:CHECKSUM_BYTE] != _checksum(program):
            _remove(file)
            return None
        try:
            os.utime(file)  # for the order in which programs go
        except OSError:
            pass  # a folder of another user
        return program

    def put(self, key: str, value: bytes) -> None:
        """Keep a program, once it is complete on the disk."""
        if not self._writable:
            return
        file = self._file(key)
        part = file.with_name(f".{os.getpid()}-{threading.get_ident()}.part")
        try:
            part.write_bytes(_checksum(value) + value)
            part.replace(file)
        except OSError as error:
            _remove(part)
            self._writable = False
            _log.warning("photonflow: compiled programs are not kept: %s", error)
            return
        self._byte += CHECKSUM_BYTE + len(value)
        if self._byte > self._limit_byte:
            self._byte = self._trim()

    def _file(self, key: str) -> Path:
        name, _, digest = key.rpartition("-")
        return self._path / f"{name[:80]}-{digest}"

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """When each program of any machine was last used, its size and its file."""
        for file in self._path.parent.glob("jaxlib-*/*"):
            try:
                about = file.stat()
            except OSError:
                continue  # another process removed it
            yield about.st_mtime, about.st_size, file

    def _trim(self) -> int:
        """Remove the least recently used programs; the bytes that are left."""
        entries = sorted(self._entries())
        left = sum(size for _, size, _ in entries)
        for _, size, file in entries:
            if left <= KEPT_SHARE * self._limit_byte:
                break
            _remove(file)
            left -= size
        return left


def _checksum(program: bytes) -> bytes:
    return zlib.crc32(program).to_bytes(CHECKSUM_BYTE, "big")


def _remove(file: Path) -> None:
    try:
        file.unlink()
    except OSError:
        pass  # gone already, or not ours


def _cpu() -> str:
    """A short name of this kind of CPU: programs are compiled for its instructions."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
    except OSError:  # no Linux
        facts = [platform.platform(), platform.processor()]
    else:
        first = text.partition("\n\n")[0].splitlines()
        facts = [line for line in first if line.partition(":")[0].strip() in CPU_FACTS]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]


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
        if _traces is None:
            return plain(*args)
        static = tuple(args[i] for i in static_argnums)
        moving = [x for i, x in enumerate(args) if i not in static_argnums]
        leaves, structure = jax.tree.flatten(moving)
        if not all(map(_is_concrete, leaves)):
            return plain(*args)
        avals = tuple(map(jax.typeof, leaves))
        kind = (_traces, static, structure, avals)
        if kind not in loaded:
            like = jax.tree.unflatten(structure, [str(aval) for aval in avals])
            key = _trace_key(function, (static, like, compiler_options))
            if key is None:
                return plain(*args)

            def flat(leaves: list) -> Any:
                moving = iter(jax.tree.unflatten(structure, leaves))
                known = dict(zip(static_argnums, static, strict=True))
                merged = (known[i] if i in known else next(moving) for i in places)
                return function(*merged)

            places = range(len(args))
            flat.__name__ = function.__name__
            program = jax.jit(flat, compiler_options=compiler_options)
            loaded[kind] = _load(_traces, key, leaves) or _keep(
                _traces, key, program, leaves
            )
        return loaded[kind](leaves)

    return call


TRACING = threading.RLock()
"""held while a link is traced: jax cannot do that in two threads at once"""


def compiled(
    function: Callable[..., Any],
    static: Any,
    arrays: Sequence[np.ndarray],
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
    like = [str(jax.typeof(leaf)) for leaf in leaves]
    key = _traces and _trace_key(function, (static, like, options))
    if _traces is None or key is None:
        with TRACING:
            lowered = program.lower(leaves)
        return lowered.compile()
    return _load(_traces, key, leaves) or _keep(_traces, key, program, leaves)


def _is_concrete(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray | np.generic | jax.Array) and not isinstance(
        leaf, jax.core.Tracer
    )


def _keep(
    programs: Programs, key: str, program: Any, leaves: Sequence[Any]
) -> Callable[[list], Any]:
    """Trace and compile `program`, and keep what would find it again."""
    with TRACING:
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
    return compiled


def _load(
    programs: Programs, key: str, leaves: Sequence[Any]
) -> Callable[[list], Any] | None:
    """The program of that key, ready to be called; None where there is none."""
    data = programs.get(key)
    if data is None:
        return None
    try:
        executable, inputs, like = _Loader(io.BytesIO(data), programs).load()
    except LookupError:
        return None
    # Lowering would have told XLA where LAPACK is; the name of a routine is not used.
    lapack.prepare_lapack_call("potrf_ffi", np.dtype(float))
    arguments = jax.tree.structure(((list(leaves),), {}))
    return jax.stages.Compiled(
        executable.load(),
        [],
        jax.tree.unflatten(arguments, inputs),
        jax.tree.structure(like),
        no_kwargs=True,
    )


class _Executable(serialize_executable._JaxPjrtPickler):
    """Writes an executable as the key of what the compilation kept.

    What was loaded once cannot be serialised again: XLA loses functions of it.
    """

    def __init__(self, file: io.BytesIO, key: str) -> None:
        super().__init__(file)
        self.key = key

    def persistent_id(self, obj: Any) -> tuple | None:
        """Devices and clients as jax does."""
        if isinstance(obj, serialize_executable.xc.LoadedExecutable):
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
    name = f"{function.__module__}.{function.__qualname__}"
    if _origin(function) != PACKAGE or "<locals>" in name:
        return None
    text = io.BytesIO()
    try:
        _Names(text).dump((name, what))
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    digest = hashlib.sha256(_surroundings() + text.getvalue())
    return f"trace_{function.__name__}-{digest.hexdigest()}"


@functools.cache
def _surroundings() -> bytes:
    """What all traces depend on: this package, its libraries and settings of jax."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    for library in LIBRARIES:
        digest.update(importlib.metadata.version(library).encode())
    for name in ("jax_enable_x64", "jax_default_matmul_precision"):
        digest.update(repr(getattr(jax.config, name)).encode())
    for variable in ("XLA_FLAGS", "JAX_PLATFORMS"):
        digest.update(os.environ.get(variable, "").encode())
    return digest.digest()
