"""A run over a log: from nothing to its published outputs, or resumed from its last snapshot."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import (
    InconsistentPartitionsError,
    MissingPartitionsError,
    NoPartitionsError,
    RecoveryConfig,
    init_db_dir,
)

from searchlogs.columnar.flow import columnar_flow
from searchlogs.command.job import Job, RunFailed
from searchlogs.command.publish import Summary, publish
from searchlogs.command.recovery import LOCK, WORK, Recovery, WrongFolder
from searchlogs.dataflow import engine_keeps_quiet, run
from searchlogs.logs.flow import Watch, log_flow


class EngineFailed(RunFailed):
    """The engine gave up, as it does when its state is broken or has no room."""


def run_job(job: Job, watch: Watch = lambda size, events, sessions: None) -> Summary:
    """Run a job to its end; the outputs get their names only when all of them are complete.

    Args:
        job: The log, and what is wanted of it.
        watch: Called with the progress of the run.

    Returns:
        What the run found.

    Raises:
        InputChanged: The log is not the one that the run to be resumed had read.
        RunFailed: The recovery folder is another run's, the engine gave up, or records or events
            are missing from what the flow left.
        OSError: A file could not be read or written.
    """
    if job.recovery is None:
        # Next to the output, where there is room for it; a store has no such place.
        out = job.outputs.sessions
        parent = out.absolute().parent if isinstance(out, Path) else None
        with TemporaryDirectory(prefix=".searchlogs-", dir=parent) as folder:
            work = Path(folder, WORK)
            with _engine_in_words():
                run(_flow(job, work, watch))
            return _publish(job, work)
    recovery = Recovery(job.recovery, job.outputs)
    with _opened(recovery, job) as state:
        work = recovery.folder / WORK
        flow = _flow(job, work, watch)
        with _engine_in_words(recovery):
            run(flow, recovery=state, epoch_interval=job.snapshots)
        recovery.begin_publishing()
        summary = _publish(job, work)
        recovery.finish()
        return summary


def _flow(job: Job, work: Path, watch: Watch) -> Dataflow:
    """Assemble the job's flow, which leaves its sessions in the file `work`."""
    gap, wait = job.windowing.gap, job.windowing.wait
    resumable = job.recovery is not None
    log = replace(job.log, scratch=work.absolute().parent, resumable=resumable)
    if job.is_columnar:
        return columnar_flow(log, work, gap=gap, wait=wait, watch=watch)
    return log_flow(log, work, gap=gap, wait=wait, searches=job.outputs.keep_searches, watch=watch)


def _publish(job: Job, work: Path) -> Summary:
    outputs = job.outputs
    return publish(
        work,
        outputs.paths,
        wait=job.windowing.wait,
        every_session=outputs.every_session,
        least_users=outputs.least_users,
        spreadsheet=outputs.spreadsheet,
    )


@contextmanager
def _opened(recovery: Recovery, job: Job) -> Iterator[RecoveryConfig]:
    """Make a recovery folder ready for the engine, and keep other runs out of it."""
    from filelock import FileLock, Timeout  # here, as most runs need no lock

    recovery.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(recovery.folder / LOCK, blocking=False):
            recovery.claim(job)
            if not recovery.state.exists():
                aside = recovery.state.with_suffix(".new")
                shutil.rmtree(aside, ignore_errors=True)
                aside.mkdir()
                with _engine_in_words(recovery), engine_keeps_quiet():
                    init_db_dir(aside, 1)
                aside.replace(recovery.state)  # in one step, as a run may be killed here
            yield RecoveryConfig(recovery.state)
    except Timeout:
        raise WrongFolder(f"{recovery.folder}: another run is using it") from None


@contextmanager
def _engine_in_words(recovery: Recovery | None = None) -> Iterator[None]:
    """Raise the engine's panics, which are BaseExceptions, as EngineFailed."""
    try:
        yield
    except BaseException as error:
        kinds = (RuntimeError, BytewaxRuntimeError, *STATE_LOST)
        if type(error) not in kinds and type(error).__name__ != "PanicException":
            raise
        inner = re.search(r'Some\("(.*?)"\)', str(error))
        words = inner[1] if inner else re.sub(r"^\(src/\S+\) ", "", str(error))
        where = f"; its state is in {recovery.state}" if recovery else ""
        raise EngineFailed(f"the engine gave up: {words}{where}") from error


STATE_LOST = (NoPartitionsError, MissingPartitionsError, InconsistentPartitionsError)
"""The engine's errors when some of its state is missing."""
