"""Each method in plain words, with its source, and the terms that a report uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_DOI: Final = "https://doi.org/"
_BOOK: Final = "Rosenberger & Lachin, Randomization in Clinical Trials, 2nd ed. (2016)"
_BOOK_AT: Final = "10.1002/9781118742112"


@dataclass(frozen=True, slots=True)
class About:
    """A method: its name, what it does, and where it comes from."""

    name: str
    does: str
    source: str
    doi: str

    @property
    def url(self) -> str:
        """Where the source is found."""
        return _DOI + self.doi


METHODS: Final[dict[str, About]] = {
    "simple": About(
        "Simple randomization",
        "Every subject is drawn by the ratio alone, as by tossing a coin, whatever went before. "
        "Nobody can foresee the next arm, and the numbers of the arms may drift apart.",
        _BOOK, _BOOK_AT,
    ),
    "permuted_block": About(
        "Permuted blocks",
        "Subjects are taken in blocks. Each block holds every arm exactly as often as the ratio "
        "says, in an order drawn at random; with several block sizes the size of each block is "
        "drawn first. At the end of each block the arms stand at the ratio.",
        "Matts & Lachin, Control Clin Trials 1988;9:327", "10.1016/0197-2456(88)90047-5",
    ),
    "random_allocation": About(
        "Random allocation rule",
        "Of all sequences of the given length that hold each arm exactly as often as the ratio "
        "says, one is drawn, each being equally likely.",
        _BOOK, _BOOK_AT,
    ),
    "truncated_binomial": About(
        "Truncated binomial design",
        "Subjects are drawn by the ratio alone until an arm has its whole number of subjects; the "
        "others are then filled.",
        "Blackwell & Hodges, Ann Math Stat 1957;28:449", "10.1214/aoms/1177706973",
    ),
    "efron": About(
        "Efron's biased coin",
        "While the arms are level the coin is fair; otherwise the arm that has fewer subjects is "
        "drawn with probability p.",
        "Efron, Biometrika 1971;58:403", "10.1093/biomet/58.3.403",
    ),
    "chen": About(
        "Biased coin with imbalance tolerance",
        "As Efron's biased coin, but once the arms differ by the tolerated imbalance the next "
        "subject certainly goes to the arm that has fewer.",
        "Chen, Stoch Models 1999;15:953", "10.1080/15326349908807570",
    ),
    "big_stick": About(
        "Big stick design",
        "The coin is fair until the arms differ by the tolerated imbalance; then the next subject "
        "certainly goes to the arm that has fewer.",
        "Soares & Wu, Commun Stat Theory Methods 1983;12:2017", "10.1080/03610928308828586",
    ),
    "ehrenfest": About(
        "Ehrenfest urn",
        "An urn holds equally many balls of each arm. A ball is drawn, its arm is given, and a "
        "ball of the other arm replaces it: the further an arm is ahead, the rarer it becomes.",
        "Chen, Adv Appl Probab 2000;32:738", "10.1239/aap/1013540242",
    ),
    "wei_urn": About(
        "Wei's urn",
        "An urn holds alpha balls of each arm. A ball is drawn and put back, its arm is given, and "
        "beta balls of each other arm are added.",
        "Wei, J Am Stat Assoc 1978;73:559", "10.1080/01621459.1978.10480054",
    ),
    "block_urn": About(
        "Block urn design",
        "Balls are drawn without putting them back, as in a block of lambda times the ratio; as "
        "soon as the drawn balls hold one full set by the ratio, that set goes back.",
        "Zhao & Weng, Contemp Clin Trials 2011;32:953", "10.1016/j.cct.2011.08.004",
    ),
    "maximal": About(
        "Maximal procedure",
        "Of all sequences that keep within the tolerated imbalance and end level, one is drawn, "
        "each being equally likely: the largest choice that the tolerance allows.",
        "Berger, Ivanova & Knoll, Stat Med 2003;22:3017", "10.1002/sim.1538",
    ),
    "minimisation": About(
        "Minimisation",
        "For each arm it is computed how uneven the arms would become, among the earlier subjects "
        "who share the new subject's levels, if the new subject received it. The arm that leaves "
        "the least imbalance is given with a high probability, not with certainty unless p is 1.",
        "Pocock & Simon, Biometrics 1975;31:103", "10.2307/2529712",
    ),
    "hierarchical": About(
        "Dynamic hierarchical balancing",
        "The balance is looked at level after level, from the first of the hierarchy to the last. "
        "The first level at which the arms differ by its tolerance decides: the arm with fewer "
        "subjects there is preferred with probability p. Where none does, chance alone decides.",
        "Signorini et al., Stat Med 1993;12:2343", "10.1002/sim.4780122410",
    ),
    "atkinson": About(
        "Atkinson's D_A-optimal biased coin",
        "The probability of each arm is in proportion to how much precision of the estimated "
        "treatment effect it would gain, given the factors of all subjects so far.",
        "Atkinson, Biometrika 1982;69:61", "10.1093/biomet/69.1.61",
    ),
    "cluster": About(
        "Cluster randomization",
        "Whole clusters are randomized: the first subject of a cluster draws its arm, and all "
        "others of that cluster receive the same.",
        "CONSORT for cluster trials, BMJ 2012;345:e5661", "10.1136/bmj.e5661",
    ),
    "factorial": About(
        "Factorial design",
        "Each treatment factor is randomized by itself; the arm is the combination of both draws.",
        "Montgomery et al., BMC Med Res Methodol 2003;3:26", "10.1186/1471-2288-3-26",
    ),
    "crossover": About(
        "Crossover in Williams squares",
        "Each subject receives all treatments in one of the orders of a Williams square, in which "
        "every treatment follows every other equally often.",
        "Williams, Aust J Sci Res A 1949;2:149", "10.1071/CH9490149",
    ),
    "play_the_winner": About(
        "Randomized play the winner",
        "An urn holds alpha balls of each arm. A success on an arm adds beta balls of it, a "
        "failure adds beta balls of the others: the better arm becomes likelier.",
        "Wei & Durham, J Am Stat Assoc 1978;73:840", "10.1080/01621459.1978.10480109",
    ),
    "drop_the_loser": About(
        "Drop the loser",
        "A drawn ball gives its arm; after a failure it stays out of the urn, after a success it "
        "goes back. Now and then a ball of every arm is added.",
        "Ivanova, Metrika 2003;58:1", "10.1007/s001840200220",
    ),
    "adaptive_coin": About(
        "Doubly adaptive biased coin",
        "The probability of each arm pulls the shares of the arms towards a target that is "
        "computed from the responses so far.",
        "Hu & Zhang, Ann Stat 2004;32:268", "10.1214/aos/1079120137",
    ),
    "thompson": About(
        "Thompson sampling",
        "The probability of each arm follows the probability, given the responses so far, that it "
        "is the best one. It begins with a burn-in that does not look at responses.",
        "Thompson, Biometrika 1933;25:285", "10.1093/biomet/25.3-4.285",
    ),
    "list": About(
        "List made elsewhere",
        "The arms stand in a list that was made outside this program, imported, sealed and opened "
        "by two people; subjects receive its rows in order.",
        "ICH E9, Stat Med 1999;18:1905",
        "10.1002/(SICI)1097-0258(19990815)18:15%3C1903::AID-SIM188%3E3.0.CO;2-F",
    ),
}  # fmt: skip

PARAMETERS: Final[dict[str, str]] = {
    "block_sizes": "the sizes of the blocks; of several, each block's size is drawn evenly",
    "bind": "blocks belong to sites, from the start (static) or as a site asks for one (dynamic)",
    "length": "the number of subjects of a sequence; then another one begins",
    "p": "the probability of the preferred arm",
    "mti": "the tolerated imbalance: how far apart the arms may get",
    "balls": "how many balls of each arm the urn holds at the start",
    "alpha": "how many balls of each arm the urn holds at the start",
    "beta": "how many balls are added after each subject",
    "lambda": "how many full sets by the ratio the urn holds",
    "measure": "how unevenness within one level is measured",
    "weights": "how much each factor counts",
    "overall_weight": "how much the imbalance over all subjects counts",
    "ties": "equally good arms share the preference (split), or one is picked by chance (pick)",
    "rule": "how probabilities follow from the scores",
    "ratio_preserving": "every arm keeps its share of the ratio at every single step",
    "random_first": "how many subjects are drawn by the ratio alone at the start",
    "strata": "factors whose levels are kept apart, each with its own counts",
    "tolerances": "the hierarchy, and how uneven each level may get before it decides",
    "cluster": "the factor whose levels are the clusters",
    "parts": "the treatment factors, each drawn by itself",
    "by": "the method that each of these draws goes by",
    "gamma": "how strongly the shares are pulled towards the target",
    "target": "the target that the responses lead to",
    "power": "the exponent of the probability of being the best arm",
    "burn_in": "how many subjects are drawn before responses count",
    "sets": "which subjects are randomized among which arms",
    "activation": "who has to open the randomization before the first draw",
    "reason": "why an allocation that can be foreseen is acceptable",
}

GLOSSARY: Final[tuple[tuple[str, str], ...]] = (
    ("arm", "one of the treatments, or sequences of treatments, that subjects are given by chance"),
    ("ratio", "how many subjects each arm is to have for those of the others, such as 2:1"),
    ("factor, level", "something known of a subject before the draw (sex), and its values"),
    ("stratum", "subjects with the same levels, who are randomized by themselves"),
    ("imbalance D", "subjects on the first arm less those on the second, each divided by its share "
                    "of the ratio; with more arms, the largest number less the smallest"),
    ("deterministic", "an assignment that is certain for someone who knows all that went before"),
    ("correct guess", "the chance that someone who tries to foresee the next arm is right"),
    ("convergence guess", "always guessing the arm that has fewer subjects so far"),
    ("best guess", "always guessing the likeliest arm, knowing the method and what went before"),
    ("loss of efficiency", "how many subjects' worth of information the imbalance costs"),
    ("type I error", "how often a test finds a difference where there is none"),
    ("power", "how often a test finds the difference that is there"),
    ("t-test, ANCOVA", "two tests of a difference of means; ANCOVA also allows for the factors"),
    ("re-randomization test", "a test that draws the arms again, by the same method, and asks how "
                              "often chance alone gives as large a difference"),
    ("standard error", "how far a simulated number is typically from the true one"),
    ("seed", "the secret number of 256 bits from which all draws follow"),
    ("HMAC-SHA256", "a standard function that turns a secret and a text into 256 bits that look "
                    "random and that anyone with the secret can compute again"),
    ("SHA-256, digest", "a fingerprint of 64 hexadecimal digits; another text has another one"),
    ("commitment", "a fingerprint of the secret, published before the first subject: it proves "
                   "later that the secret was not changed"),
    ("epoch", "the version of the study file with which the present randomization began"),
)  # fmt: skip
