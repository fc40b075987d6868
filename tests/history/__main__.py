"""Faults at random for as long as asked, on several instances, and the verdict. See scripts/soak."""
import argparse
import random
import shutil
import sys
import time

from harness import drop_templates
from harness.system import System

from . import nemesis
from .run import Run


def faults_of(text):
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in nemesis.NAMES]:
        raise argparse.ArgumentTypeError(f"no such faults: {unknown}")
    return [nemesis.NAMES[name] for name in names]


def parse():
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--round", type=float, default=60, metavar="S",
                        help="seconds until a history is judged and the next one begins")
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--faults", type=faults_of, metavar="A,B",
                        help=f"only these, of: {', '.join(nemesis.NAMES)}")
    parser.add_argument("--keep", metavar="FILE", default="history.jsonl",
                        help="where a history with violations goes")
    return parser.parse_args()


def one_round(system, rng, seconds, args):
    """The violations, and how many operations there were."""
    system.reset()
    run = Run(system, rng, args.clients, args.instances, args.faults)
    try:
        run.go(seconds, lambda text: print("  ", text, flush=True))
    finally:
        run.stop()
    faults = run.violations()
    if faults:
        run.history.save(args.keep)
        for daemon in system.daemons:
            shutil.copy(daemon.log_path, f"{args.keep}.{daemon.name}.log")
        shutil.copytree(system.redis.data, f"{args.keep}.redis", dirs_exist_ok=True)
        print(f"   history, logs and what Redis wrote are kept in {args.keep}*")
    system.finish()
    return faults, len(run.history.operations)


def main():
    args = parse()
    end = time.monotonic() + args.minutes * 60
    print(f"seed {args.seed}")
    rng = random.Random(args.seed)
    system = System()
    try:
        system.use_small_disk()
    except OSError as why:
        print(f"the disk does not run full: {why}")
    operations = rounds = 0
    faults = []
    try:
        while time.monotonic() < end and not faults:
            rounds += 1
            print(f"round {rounds}", flush=True)
            seconds = min(args.round, max(end - time.monotonic(), 5))
            faults, count = one_round(system, rng, seconds, args)
            operations += count
    finally:
        system.close()
        drop_templates()
    print("\n".join(faults[:20]))
    print(f"{rounds} rounds, {operations} operations, {len(faults)} violations (seed {args.seed})")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
