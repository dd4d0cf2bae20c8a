"""How the demo ended, in plain words. Pure: it only makes sentences."""

from collections.abc import Iterator

from fanout.demo.scenario import Outcome


def problems(outcome: Outcome) -> list[str]:
    """What is wrong, a sentence each; empty when all is right."""
    wrong = outcome.verdict.problems()
    in_source, written = outcome.source_records, outcome.written_records
    if in_source != written:
        wrong.append(f"{in_source:,} records are in the source, but only {written:,} were written to it")
    if outcome.exit_code != 0:
        wrong.append(f"the program ended with exit code {outcome.exit_code}")
    if outcome.deaths != 1:
        wrong.append(f"{outcome.deaths} workers died, but one was killed")
    if outcome.kill.moved_s is None:
        wrong.append(f"after its worker was killed, nothing written to partition {outcome.kill.partition} arrived")
    if wrong and outcome.log:
        wrong.append("\n  ".join(["the last complaints in the program's log:", *outcome.log]))
    return wrong


def sentences(outcome: Outcome, took_s: float) -> Iterator[str]:
    """The summary, a line each; what is wrong is told by `problems`."""
    verdict, kill = outcome.verdict, outcome.kill
    written, found = verdict.written.total(), verdict.found.total()
    namespaces = "one namespace" if len(verdict.written) == 1 else f"{len(verdict.written)} namespaces"
    yield f"{written:,} events of {namespaces} were written to one topic."
    if verdict.ok:
        yield (
            "Every one of them was found in the topic of its own namespace, with its value, key, headers and "
            "timestamp as they were written, and none anywhere else."
        )
        yield f"The events of each of {verdict.objects:,} Kubernetes objects are in the order of their writing."
    else:
        yield f"{found:,} of them were found in the topic of their own namespace."
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(verdict.dead_letters.items()))
    yield f"{verdict.dead_letters.total()} dead letters, by reason: {reasons or 'none'}."
    if kill.replaced_s is not None and kill.moved_s is not None:
        yield (
            f"A worker was killed with SIGKILL: its replacement ran after {kill.replaced_s:.2f} s, "
            f"and its partition moved again after {kill.moved_s:.2f} s."
        )
    yield _duplicates(verdict.duplicates)
    yield f"It took {took_s:.0f} s."


def _duplicates(duplicates: int) -> str:
    if not duplicates:
        return "No record was delivered twice."
    return (
        f"{_records(duplicates)} delivered twice: the killed worker had no time to report them. "
        "A clean stop leaves no duplicates."
    )


def _records(count: int) -> str:
    return "1 record was" if count == 1 else f"{count:,} records were"
