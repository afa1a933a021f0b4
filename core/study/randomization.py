"""The section `[randomization]` of a study file: the method, its numbers, and what each needs.

One flat table, so that a study file reads the same whatever the method. Which key belongs to which
method stands in `PARAMETERS`, once; `core.study.check_method` holds files against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from core.randomization.exact import exact
from core.study.fields import Exact, Text


class Section(BaseModel):
    """A table of the file: unknown keys refused, nothing converted, nothing changed later."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


MethodName = Literal[
    "simple",
    "permuted_block",
    "random_allocation",
    "truncated_binomial",
    "efron",
    "chen",
    "big_stick",
    "ehrenfest",
    "wei_urn",
    "block_urn",
    "maximal",
    "minimisation",
    "hierarchical",
    "atkinson",
    "cluster",
    "factorial",
    "crossover",
    "play_the_winner",
    "drop_the_loser",
    "adaptive_coin",
    "thompson",
    "list",
]
METHODS: Final[tuple[str, ...]] = get_args(MethodName)


def _whole(value: Any) -> Any:
    """A whole number, however it is written: 3, 3.0, "3". Anything else as it stands."""
    if isinstance(value, Decimal | str):
        try:
            found = exact(value)
        except ValueError:
            return value
        return int(found) if found.denominator == 1 else value
    return value


def _sizes(value: Any) -> Any:
    return value if isinstance(value, tuple) else (value,)


Whole = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=1_000_000)]
Count = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=1_000_000)]
Known = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""A name or level that has to stand elsewhere in the file, where its form is checked."""


class Tolerance(Section):
    """How uneven the arms may get at one level of a hierarchy before it decides.

    `of` is "study", "stratum" (all asked factors together) or a factor's name.
    """

    of: Known
    tolerance: Exact


class Part(Section):
    """One treatment factor of a factorial design: its levels, each with the arms that have it."""

    name: Text
    levels: Mapping[Text, tuple[Known, ...]] = Field(min_length=2)


class ArmSet(Section):
    """The arms among which subjects with these factor levels are randomized."""

    levels: Mapping[str, str] = Field(min_length=1)
    arms: tuple[Known, ...] = Field(min_length=1)


class Randomization(Section):
    """The method and its numbers. `reason` is why a predictable allocation is acceptable.

    `by` is the method that a cluster, each part of a factorial design, or the sequences of a
    crossover are drawn with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, serialize_by_alias=True)

    method: MethodName
    block_sizes: Annotated[tuple[Whole, ...], BeforeValidator(_sizes)] = ()
    bind: Literal["static", "dynamic"] | None = None  # blocks that belong to sites
    length: Whole | None = None
    p: Exact | None = None
    mti: Whole | None = None
    balls: Whole | None = None
    alpha: Count | None = None
    beta: Count | None = None
    lambda_: Whole | None = Field(default=None, alias="lambda")
    measure: Literal["range", "variance", "sd", "marginal_balance", "taves"] | None = None
    weights: Mapping[str, Exact] = Field(default_factory=dict)
    overall_weight: Exact = Fraction(0)  # of the imbalance over all subjects
    ties: Literal["split", "pick"] = "split"
    rule: Literal["biased_coin", "han", "rank"] = "biased_coin"
    ratio_preserving: bool = False
    random_first: Count = 0
    strata: tuple[Known, ...] = ()  # factors whose levels are kept apart, each on its own
    tolerances: tuple[Tolerance, ...] = ()
    cluster: Known | None = None  # the factor whose levels are the clusters
    parts: tuple[Part, ...] = ()
    by: Randomization | None = None
    gamma: Count | None = None
    target: Literal["urn", "neyman", "optimal"] = "urn"
    power: Exact = Fraction(1)
    burn_in: Count = 0
    sets: tuple[ArmSet, ...] = ()
    activation: Literal["two_person"] | None = None
    reason: Text | None = None

    def weight(self, factor: str) -> Fraction:
        """What the factor's imbalance counts: 1 where the file gives no weight."""
        return self.weights.get(factor, Fraction(1))

    @property
    def coin(self) -> Fraction:
        """The probability of the preferred arm: 1 where the file gives none (Taves)."""
        return Fraction(1) if self.p is None else self.p

    @property
    def is_listed(self) -> bool:
        """Whether the arms stand in a list written before they are drawn."""
        return self.method in ("permuted_block", "list")

    @property
    def is_activated(self) -> bool:
        """Whether two persons have to open it before the first draw."""
        return self.method == "list" or self.activation is not None

    @property
    def counts_earlier(self) -> bool:
        """Whether a draw depends on those before it otherwise than by a place in a list."""
        drawn_by = self.by if self.method in ("crossover", "factorial") and self.by else self
        return not self.is_listed and drawn_by.method != "simple"

    @property
    def listens(self) -> bool:
        """Whether the responses of earlier subjects change the next draw."""
        return self.method in RESPONSIVE

    @property
    def is_predictable(self) -> bool:
        """Whether someone who knows the earlier allocations can foresee the next one for certain
        in the ordinary course of the trial, not only at its bounds."""
        return self.predictable_key != ""

    @property
    def predictable_key(self) -> str:
        """The key that makes it predictable; "" where none does.

        A bound of 1 on the difference, or a single balanced set in the urn, is one fixed block.
        """
        coins = ("minimisation", "hierarchical", "efron", "chen")
        reasons = {
            "p": self.method in coins and self.coin == 1,
            "block_sizes": self.method == "permuted_block" and len(self.block_sizes) == 1,
            "mti": self.mti == 1,
            "lambda": self.lambda_ == 1,
            "method": self.method == "cluster",
        }
        return next((key for key, makes_it in reasons.items() if makes_it), "")


@dataclass(frozen=True, slots=True)
class Keys:
    """What a method needs and what it may have besides."""

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()


RESPONSIVE: Final = ("play_the_winner", "drop_the_loser", "adaptive_coin", "thompson")
COVARIATE: Final = ("minimisation", "hierarchical", "atkinson", "cluster")
"""Methods that look at factors themselves; the others have a run of their own in each stratum."""

PARAMETERS: Final[Mapping[str, Keys]] = {
    "simple": Keys(),
    "permuted_block": Keys(("block_sizes",), ("bind",)),
    "random_allocation": Keys(("length",)),
    "truncated_binomial": Keys(("length",)),
    "efron": Keys(("p",)),
    "chen": Keys(("p", "mti")),
    "big_stick": Keys(("mti",)),
    "ehrenfest": Keys(("balls",)),
    "wei_urn": Keys(("alpha", "beta")),
    "block_urn": Keys(("lambda",)),
    "maximal": Keys(("mti", "length")),
    "minimisation": Keys(
        ("measure",),
        (
            "p",
            "weights",
            "overall_weight",
            "ties",
            "rule",
            "ratio_preserving",
            "random_first",
            "strata",
        ),
    ),
    "hierarchical": Keys(("p", "tolerances"), ("strata",)),
    "atkinson": Keys((), ("strata",)),
    "cluster": Keys(("by",), ("cluster", "strata")),
    "factorial": Keys(("parts", "by")),
    "crossover": Keys((), ("by",)),
    "play_the_winner": Keys(("alpha", "beta")),
    "drop_the_loser": Keys(("balls",)),
    "adaptive_coin": Keys(("gamma",), ("target", "burn_in")),
    "thompson": Keys((), ("power", "burn_in")),
    "list": Keys(),
}
EVERY_METHOD: Final = ("method", "sets", "activation", "reason")
TWO_ARMS: Final = ("efron", "chen", "big_stick", "ehrenfest", "maximal", "atkinson")
EQUAL_ARMS: Final = (
    *TWO_ARMS,
    "wei_urn",
    "crossover",
    "play_the_winner",
    "drop_the_loser",
)
INNER: Final = tuple(
    name
    for name in METHODS
    if name not in (*COVARIATE, *RESPONSIVE, "factorial", "crossover", "list")
)
"""The methods that `by` may name."""


def given_keys(section: Randomization) -> frozenset[str]:
    """The keys that the file gives, as they are written there."""
    return frozenset("lambda" if name == "lambda_" else name for name in section.model_fields_set)
