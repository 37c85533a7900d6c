"""Prints what SciPy, statsmodels and NumPy say of inputs that the statistics of crates/domain are tested with, as JSON."""

import json
from fractions import Fraction
from math import comb

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

LEVELS = (0.025, 0.975)
REPLICATES = 2_000
inputs = np.random.default_rng(7)


def near(one, other):
    assert abs(one - other) <= 1e-9 * max(abs(one), abs(other)), (one, other)


def wilson():
    counts = [(0, 1), (1, 1), (0, 3), (1, 2), (3, 7), (9, 10), (10, 10), (49, 50), (500, 1000), (1, 10_000), (9_999, 10_000)]
    for passes, n in counts:
        low, high = proportion_confint(passes, n, alpha=0.05, method="wilson")
        scipys = stats.binomtest(passes, n).proportion_ci(0.95, method="wilson")
        # At 0 and 1 one of them leaves what rounding makes of 0 and 1.
        if 0 < passes < n:
            near(low, scipys.low), near(high, scipys.high)
        yield {"share": passes / n, "n": n, "low": float(low), "high": float(high)}
    for share, n in [(0.25, 2), (0.7, 3), (1 / 3, 40), (0.123, 1000)]:
        low, high = proportion_confint(share * n, n, alpha=0.05, method="wilson")
        yield {"share": share, "n": n, "low": float(low), "high": float(high)}


def exact_mcnemar():
    pairs = [(0, 0), (1, 0), (0, 5), (3, 3), (3, 4), (2, 9), (10, 1), (60, 40), (480, 520), (5_000, 4_800), (700, 0), (0, 2_000)]
    for losses, gains in pairs:
        p = float(mcnemar([[0, losses], [gains, 0]], exact=True).pvalue)
        if losses + gains:
            near(p, float(stats.binomtest(losses, losses + gains, 0.5).pvalue))
        yield {"losses": losses, "gains": gains, "p": p}


def quantiles():
    for size in (1, 2, 5, 40, 41, 2_000):
        values = [round(value, 6) for value in inputs.normal(size=size).tolist()]
        shares = [*LEVELS, 0.5, 0.0, 1.0]
        expected = np.quantile(values, shares, method="linear").tolist()
        yield {"values": values, "quantiles": [list(pair) for pair in zip(shares, expected)]}


def exact_pass_rates():
    """pass@k and pass^k by whole numbers."""
    cases = [(1, 1, 1), (4, 2, 2), (10, 3, 5), (100, 1, 50), (1000, 17, 100), (10_000, 1, 10), (10_000, 5_000, 20)]
    cases += [(10_000, 9_990, 5_000), (10_000, 3, 8_192), (10_000, 10_000, 10_000), (10_000, 0, 10_000), (10_000, 9_999, 1_000)]
    for n, c, k in cases:
        chosen = comb(n, k)
        at_least_one = 1 - Fraction(comb(n - c, k), chosen)
        every = Fraction(comb(c, k), chosen)
        yield {"n": n, "c": c, "k": k, "at_least_one": float(at_least_one), "all": float(every)}


def generator():
    """PCG64 as our code seeds it: with PCG's own default state and stream."""
    whole = 2**128
    multiplier = 0x2360ED051FC65DA44385DF649FCCF645
    increment = (0x0A02BDBF7BB3C0A7AC28FA16A64ABF96 << 1 | 1) % whole
    state = ((0xCAFEF00DD15EA5E5 + increment) * multiplier + increment) % whole
    bits = np.random.PCG64()
    bits.state = {"bit_generator": "PCG64", "state": {"state": state, "inc": increment}, "has_uint32": 0, "uinteger": 0}
    return bits


def places(tasks, replicates):
    """Which tasks are drawn in each replicate."""
    raw = generator().random_raw(tasks * replicates)
    return np.array([int(output) * tasks >> 64 for output in raw]).reshape(replicates, tasks)


def interval(values, drawn):
    """Of the mean over the tasks that have a value (NaN: none), among those that were drawn."""
    replicates = np.array(values, dtype=float)[drawn]
    replicates = np.nanmean(replicates[~np.isnan(replicates).all(axis=1)], axis=1)
    low, high = np.quantile(replicates, LEVELS, method="linear")
    return {"low": float(low), "high": float(high), "replicates": len(replicates)}


def pcg64():
    raw = [int(output) for output in generator().random_raw(6)]
    return {"outputs": raw, "among_7": places(7, 4).flatten().tolist(), "among_10000": places(10_000, 1)[0, :12].tolist()}


def small_matrix():
    """A bootstrap that is given its draws."""
    drawn = inputs.integers(0, 6, size=(30, 6))
    drawn[3] = 5
    figures = [[0.0, 1.0, 0.25, 0.5, 1.0, 0.75], [0.1, None, 0.7, None, 0.3, None]]
    as_floats = [[np.nan if value is None else value for value in values] for values in figures]
    intervals = [interval(values, drawn) for values in as_floats]
    return {"drawn": drawn.tolist(), "figures": [{"values": v, "interval": i} for v, i in zip(figures, intervals)]}


def pass_rates(rewards, k):
    n, c = len(rewards), sum(reward >= 1 for reward in rewards)
    if n < k:
        return np.nan, np.nan
    return 1 - comb(n - c, k) / comb(n, k), comb(c, k) / comb(n, k)


def table():
    """Rewards of trials by task, and the figures over them with the draws that our generator makes."""
    tasks = []
    for index in range(24):
        size = 3 if index == 5 else 4
        chance = inputs.beta(0.6, 0.5)
        tasks.append([1.0 if inputs.random() < chance else round(float(inputs.integers(0, 4)) / 8, 3) for _ in range(size)])
    tasks[0] = [0.0, -0.5, 1.0, 1.5]
    drawn = places(len(tasks), REPLICATES)

    def figure(values):
        return {"value": float(np.nanmean(values)), **interval(values, drawn)}

    rates = []
    for k in (1, 2, 4):
        at_least_one, every = zip(*(pass_rates(task, k) for task in tasks))
        rates.append({"k": k, "at_least_one": figure(at_least_one), "all": figure(every)})
    mixed = [float(any(r >= 1 for r in task) and any(r < 1 for r in task)) for task in tasks]
    return {"tasks": tasks, "headline": figure([np.mean(task) for task in tasks]), "mixed": figure(mixed), "pass_rates": rates}


def spread(values):
    """SciPy's own bootstrap with many replicates, and by how much the ends move that 2,000 replicates give."""

    def ends(replicates, seed):
        found = stats.bootstrap(
            (values,), np.mean, n_resamples=replicates, method="percentile", rng=np.random.default_rng(seed), batch=500
        )
        return found.confidence_interval

    moves = np.std([ends(REPLICATES, seed) for seed in range(300)], axis=0)
    low, high = ends(300_000, 300)
    return {"values": values, "low": float(low), "high": float(high), "error_low": float(moves[0]), "error_high": float(moves[1])}


def monte_carlo():
    yield spread([round(value, 6) for value in inputs.beta(0.5, 0.5, size=12).tolist()])
    yield spread([round(value, 6) for value in inputs.normal(3, 40, size=60).tolist()])
    yield spread([round(value, 6) for value in inputs.random(size=250).tolist()])


def comparison(trials, spread_of_tasks):
    """Two sides of paired tasks, and what a comparison of them says."""
    tasks = 18
    level = inputs.normal(0, 1, size=tasks)
    shift = inputs.normal(0.1, spread_of_tasks, size=tasks)

    def side(centers):
        return [[round(float(inputs.normal(center, 0.8)), 3) for _ in range(trials)] for center in centers]

    left, right = side(level), side(level + shift)
    differences = np.array([np.mean(b) - np.mean(a) for a, b in zip(left, right)])
    variance = np.var(differences, ddof=1)
    within = np.mean([np.var(a, ddof=1) / trials + np.var(b, ddof=1) / trials for a, b in zip(left, right)])
    denominator = variance / 4 - (variance - within)
    return {
        "left": left,
        "right": right,
        "difference": {"value": float(differences.mean()), **interval(differences, places(tasks, REPLICATES))},
        "smallest_difference": float(2.80 * np.sqrt(variance / tasks)),
        "more_tasks": 3 * tasks,
        "times_the_trials": float(within / denominator) if denominator > 0 else None,
    }


print(
    json.dumps(
        {
            "wilson": list(wilson()),
            "mcnemar": list(exact_mcnemar()),
            "quantiles": list(quantiles()),
            "pass_rates": list(exact_pass_rates()),
            "pcg64": pcg64(),
            "small_matrix": small_matrix(),
            "table": table(),
            "monte_carlo": list(monte_carlo()),
            "comparisons": [comparison(4, 0.05), comparison(4, 3.0), comparison(3, 0.3)],
        }
    )
)
