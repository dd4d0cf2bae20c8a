"""How many examples: the same few in every run, or with HYPOTHESIS_PROFILE=long many new ones."""

import os

from hypothesis import HealthCheck, Phase, settings

NAME = "fanout"
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
LONGER = int(os.environ.get("HYPOTHESIS_LONGER", "50"))  # how many times as many examples the long profile takes

settings.register_profile(
    NAME,
    deadline=None,
    derandomize=not LONG,
    database=None,
    print_blob=LONG,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    # What fails is made small only in the long profile: it takes minutes.
    phases=[phase for phase in Phase if phase is not Phase.explain and (LONG or phase is not Phase.shrink)],
)


def examples(count: int, steps: int = 50) -> settings:
    """Settings for a test of `count` examples by default, of at most `steps` steps each where it is a machine."""
    profile: settings = settings.get_profile(NAME)
    return settings(profile, max_examples=count * LONGER if LONG else count, stateful_step_count=steps)
