"""Compiled programs that outlive their process.

XLA takes most of the seconds of a short run, and its programs depend on the model and
the shape of a study, not on the numbers of its cards. jax can keep them in a folder;
here that folder is made safe to be on by default. What jax's own store leaves open: an
entry cut short by a kill or a full disk is read, warned about and compiled again for
ever, a bound on the size needs one lock for all processes, and XLA prints a page of CPU
features for each program that it loads.

An entry lies in a folder of its CPU model and jaxlib, begins with its checksum, and is
renamed into place when complete. What precedes the compilation, the trace of a
function in Python, is kept by `traces`.
"""

import hashlib
import logging
import os
import platform
import threading
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import jax
from jax._src import compilation_cache
from jax._src.compilation_cache_interface import CacheInterface
from jaxlib import utils  # type: ignore[attr-defined]
from jaxlib.version import __version__ as jaxlib_version


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

_log = logging.getLogger("photonflow")
kept_traces: "Programs | None" = None
"""where `persistent_jit` finds what it has traced before; None for scripts"""


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
    global kept_traces
    kept_traces = programs if traces else None
    return own


def disable_cache() -> None:
    """Compile everything again, whatever the environment says."""
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()
    global kept_traces
    kept_traces = None


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where programs are kept, by the variables of `environment`."""
    for name in ("PHOTONFLOW_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR"):
        if environment.get(name):
            return Path(environment[name]).expanduser()
    base = Path(environment.get("XDG_CACHE_HOME", ""))
    # The standard wants a path that is not absolute to be ignored.
    return (base if base.is_absolute() else Path.home() / ".cache") / "photonflow"


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
        if not program or data[:CHECKSUM_BYTE] != _checksum(program):
            _remove(file)
            return None
        try:
            os.utime(file)  # for the order in which programs go
        except OSError:
            pass  # a folder of another user
        return program

    def put(self, key: str, value: bytes) -> None:
        """Keep a program, once it is complete on the disk, unless there is one.

        Two processes that compile the same may differ in the last bits: what both find
        afterwards is the first.
        """
        if not self._writable:
            return
        file = self._file(key)
        part = file.with_name(f".{os.getpid()}-{threading.get_ident()}.part")
        try:
            part.write_bytes(_checksum(value) + value)
            _place(part, file)
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


def _place(part: Path, file: Path) -> None:
    """Give what is complete its name, if no other process has been quicker."""
    try:
        os.link(part, file)
    except FileExistsError:
        pass
    except OSError:  # a file system without links: the last one stays
        part.replace(file)
        return
    _remove(part)


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
