"""Jobs that are done beside each other, each worker in a network and a folder of its own."""

import multiprocessing
import signal
import traceback

import disk
from world import Failed

CONTEXT = multiprocessing.get_context("fork")


def _worker(number, start, jobs, results):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        disk.own_network()
        do = start(number)
        for job in iter(jobs.get, None):
            try:
                results.put((job, do(job), None))
            except Failed as failure:
                results.put((job, None, str(failure)))
            except Exception:
                results.put((job, None, traceback.format_exc()))
    except BaseException:
        results.put((None, None, traceback.format_exc()))


def run(number, start, jobs):
    """Does what `start(worker)` gives with each of `jobs`, an iterator that is asked only as there is room; gives job, result
    and what failed. Raises `Failed` when a worker breaks."""
    inward, outward = CONTEXT.Queue(), CONTEXT.Queue()
    workers = [CONTEXT.Process(target=_worker, args=(n, start, inward, outward)) for n in range(number)]
    for one in workers:
        one.start()
    sent = done = 0
    try:
        jobs = iter(jobs)
        more = True
        while more or done < sent:
            while more and sent - done < 2 * number:
                try:
                    inward.put(next(jobs))
                    sent += 1
                except StopIteration:
                    more = False
            if done == sent:
                break
            job, result, failed = outward.get()
            if job is None:
                raise Failed(failed)
            done += 1
            yield job, result, failed
    finally:
        for _ in workers:
            inward.put(None)
        for one in workers:
            one.join(60)
            if one.is_alive():
                one.kill()


def apart(work):
    """Does it in a process with a network of its own; gives its result, and raises `Failed` where it fails."""
    for _, result, failed in run(1, lambda number: lambda job: work(), ["once"]):
        if failed:
            raise Failed(failed)
        return result
    raise Failed("nothing came of it")
