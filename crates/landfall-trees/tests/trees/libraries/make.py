"""Random models of XGBoost, LightGBM and CatBoost, rows that are hard on them, and the libraries' own answers.

    make.py FOLDER SECONDS [FIRST_SEED [LIBRARY,...]]

Writes FOLDER/<library>/<case>/ with the model's files, rows.npy or rows.csv, an array for each kind of output, and
case.json: files, options and what is allowed. Seeds ascend from FIRST_SEED on, so that a case can be made again.
"""
import os
import sys
import time
import warnings

import with_catboost
import with_lightgbm
import with_xgboost

MAKERS = {"xgboost": with_xgboost.make, "lightgbm": with_lightgbm.make, "catboost": with_catboost.make}


def make_apart(name, root, seed):
    """Makes one case in a process of its own, for the libraries abort on some combinations; gives the exit status."""
    child = os.fork()
    if child == 0:
        try:
            MAKERS[name](root, seed)
            os._exit(0)
        except Exception as error:  # a combination that the library itself refuses
            print(f"{name} {seed} refused: {type(error).__name__}: {str(error).strip()[:200]}", flush=True)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main():
    warnings.filterwarnings("ignore")
    root, seconds = sys.argv[1], float(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    names = sys.argv[4].split(",") if len(sys.argv) > 4 else list(MAKERS)
    for name in names:
        __import__(name)
    made = dict.fromkeys(names, 0)
    refused = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name in names:
            status = make_apart(name, root, seed)
            if status == 0:
                made[name] += 1
            else:
                key = f"{name}: exit status {status}"
                refused[key] = refused.get(key, 0) + 1
        seed += 1
    print("made", made, "next seed", seed)
    for what, count in sorted(refused.items()):
        print("refused", count, what)
    if min(made.values()) == 0:
        sys.exit("a library made no model")


if __name__ == "__main__":
    main()
