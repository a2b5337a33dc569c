"""What the makers of cases share: columns of numbers, targets, rows that are hard on a model, and a case's folder."""
import csv
import json
import os

import numpy as np

TINY = [0.0, -0.0, 1e-45, -1e-45, 1e-38, 1e-35, -1e-35, 1.0000000180025095e-35, 1.1e-35, 3.4e38, -3.4e38]
WORDS = ["red", "green", "blue", "é", "日本", "a,b", "", "x" * 9, "ab" * 12, "0123456789" * 5, "long " * 30, "7", "-3", "007", "1.5"]


def numbers(rng, rows, features):
    """Columns of different kinds, some rough, with missing values."""
    columns = []
    for _ in range(features):
        kind = rng.integers(6)
        if kind == 0:
            column = rng.normal(size=rows)
        elif kind == 1:
            column = rng.integers(-3, 4, size=rows).astype(float)
        elif kind == 2:
            column = np.exp(rng.normal(size=rows) * 5)
        elif kind == 3:
            column = rng.normal(size=rows) * 1e-3 * (rng.random(rows) < 0.5)
        elif kind == 4:
            column = rng.normal(size=rows) * 1e30
        else:
            column = np.round(rng.normal(size=rows), 1)
        if rng.random() < 0.6:
            column[rng.random(rows) < rng.random() * 0.4] = np.nan
        columns.append(column)
    return np.array(columns).T.astype(np.float32).astype(np.float64)


def hard_rows(rng, x, thresholds, infinite, dtype):
    """Rows like x, with thresholds and their neighbours, zeros, denormals and what else is rarely met."""
    rows = x[rng.integers(len(x), size=80)].copy()
    for row in rows[10:]:
        for place in rng.integers(rows.shape[1], size=1 + rng.integers(4)):
            near = thresholds.get(int(place), [])
            kind = rng.integers(5)
            if kind < 3 and len(near):
                value = dtype(near[rng.integers(len(near))])
                row[place] = [value, np.nextafter(value, dtype(np.inf)), np.nextafter(value, dtype(-np.inf))][kind]
            elif kind == 3:
                row[place] = TINY[rng.integers(len(TINY))]
            elif infinite:
                row[place] = [np.inf, -np.inf][rng.integers(2)]
            else:
                row[place] = np.nan
    return rows.astype(dtype)


def target(rng, x, kind):
    rows = len(x)
    if x.shape[1]:
        with np.errstate(all="ignore"):
            scaled = np.arctan(np.nan_to_num(x, nan=0.3, posinf=0, neginf=0))
        score = scaled @ rng.normal(size=x.shape[1]) + rng.normal(size=rows) * 0.3
    else:
        score = rng.normal(size=rows)
    if kind == "binary":
        return (score > np.median(score)).astype(int)
    if kind == "classes":
        edges = np.quantile(score, [0.3, 0.6, 0.8])
        y = np.digitize(score, edges)
        y[:4] = [0, 1, 2, 3]
        return y
    if kind == "positive":
        return np.exp(score / (1 + np.abs(score).max()))
    if kind == "share":
        return 1 / (1 + np.exp(-score))
    if kind == "many":
        return np.array([score, -score + rng.normal(size=rows), score**2]).T
    if kind == "labels":
        return (np.array([score, rng.normal(size=rows)]).T > 0).astype(int)
    return score


class Case:
    """One case under way."""

    def __init__(self, root, family, seed):
        self.id = f"{family}-{seed}"
        self.folder = os.path.join(root, family, self.id)
        os.makedirs(self.folder, exist_ok=True)
        self.formats, self.tolerances, self.options = {}, {}, {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def model(self, name, form):
        self.formats[name] = form
        return self.path(name)

    def answer(self, kind, array, rule):
        array = np.ascontiguousarray(array)
        if kind == "class":
            array = array.reshape(len(array), -1).astype(str)
        np.save(self.path(kind + ".npy"), array)
        self.tolerances[kind] = rule

    def finish(self, params):
        case = {"id": self.id, "status": "scored", "formats": self.formats, "options": self.options,
                "tolerances": self.tolerances, "params": {k: str(v) for k, v in params.items()}}
        with open(self.path("case.json"), "w") as file:
            json.dump(case, file, indent=1)


def one_of(rng, choices):
    """One of a list, whatever its elements are."""
    return choices[rng.integers(len(choices))]


def sometimes(rng, share, settings, key, choices):
    """Sets a parameter in a share of the cases."""
    if rng.random() < share:
        value = one_of(rng, choices)
        settings[key] = value() if callable(value) else value


def write_table(path, names, columns):
    """CSV; what is missing is an empty cell."""
    def cell(value):
        if value is None or (isinstance(value, (float, np.floating)) and np.isnan(value)):
            return ""
        return repr(float(value)) if isinstance(value, (float, np.floating)) else value

    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([cell(value) for value in row] for row in zip(*columns))
