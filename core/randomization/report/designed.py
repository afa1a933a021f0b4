"""The report on a design: a case file, before there is a study."""

from __future__ import annotations

from collections.abc import Mapping

from core.randomization.characterise import Found
from core.randomization.report.behaviour import behaviour, brief
from core.randomization.report.model import Code, Facts, Items, Report, Section, Table, Text
from core.randomization.report.specification import draws, method, what
from core.randomization.report.words import GLOSSARY, METHODS


def of_file(name: str, digest: str, found: Found) -> Report:
    """The report on a file of this name and SHA-256 digest (hex)."""
    trial = found.trial
    section = trial.scheme.section
    factors = {factor.name: factor.levels for factor in trial.scheme.factors}
    about = METHODS[section.method]
    return Report(
        f"Randomization report: {about.name}",
        f"A design that has not been published, as described in {name}.",
        (what_briefly(about.name, trial.scheme.ratio), *brief(found)),
        (
            what(trial.scheme, factors, {}),
            method(section),
            draws(section),
            behaviour(found),
            _identity(name, digest),
            _again(name, digest, found),
            glossary(),
        ),
    )


def what_briefly(method_name: str, ratio: Mapping[str, int]) -> str:
    """Arms, ratio and method in one sentence."""
    arms = ", ".join(ratio)
    shares = ":".join(str(share) for share in ratio.values())
    return f"Subjects are randomized among {arms} in the ratio {shares}. Method: {method_name}."


def glossary() -> Section:
    """A line for each term used."""
    return Section("terms", "Terms used here", (Table("", ("term", "meaning"), GLOSSARY),))


def _identity(name: str, digest: str) -> Section:
    return Section(
        "proof",
        "Commitment and digests",
        (
            Text(
                "This report was made of one file. Its SHA-256 digest tells whether another file "
                "is the same one, to the last character."
            ),
            Facts((("File", name), ("SHA-256 of the file", digest)), frozenset({1})),
            Text(
                "There is no seed yet, and so no commitment: a seed is made, and the commitment to "
                "it published, when the study file is published with this design."
            ),
        ),
    )


def _again(name: str, digest: str, found: Found) -> Section:
    simulated = f"--trials {found.trials} --seed {found.seed}"
    options = f"--exact {simulated}" if found.is_exact else simulated
    n = found.characteristics.n
    return Section(
        "again",
        "How to check this yourself",
        (
            Items(
                (
                    "Compute the digest of the file and compare it, letter by letter, with the one "
                    "above. On Linux and macOS (there, shasum -a 256 in place of sha256sum):",
                ),
            ),
            Code((f"sha256sum {name}", f"{digest}  {name}"), "The second line is what it prints."),
            Items(("Compute the characteristics again; every number comes out the same:",)),
            Code((f"ixrs randomization characteristics {name} --n {n} {options}",)),
            Items(("Ask for the exact probabilities of the next subject, whatever came before:",)),
            Code((f"ixrs randomization probabilities {name}",)),
        ),
    )
