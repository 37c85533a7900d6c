"""Prints the pass@k that the installed Harbor computes, as JSON."""

import json
from types import SimpleNamespace

from harbor.utils import pass_at_k


def trial(task, reward):
    verifier_result = SimpleNamespace(rewards={"reward": reward})
    return SimpleNamespace(task_name=task, reward_valid=True, verifier_result=verifier_result)


def of_table(passes, trials):
    """`passes` of each task, of equally many trials each."""
    rewards = [(f"task-{task}", int(index < c)) for task, c in enumerate(passes) for index in range(trials)]
    values = pass_at_k._compute_pass_at_k_for_trials([trial(*reward) for reward in rewards])
    return {"passes": passes, "trials": trials, "pass_at": [[k, value] for k, value in values.items()]}


tables = [
    of_table([0, 1, 2, 3, 4, 4], 4),
    of_table([0, 0, 1, 5, 9, 10, 10], 10),
    of_table([3], 16),
    of_table([0, 1, 30, 63, 64], 64),
    of_table([1, 250, 999], 1000),
]
print(json.dumps({"harbor": tables}))
