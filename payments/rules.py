"""Rules over a transaction and its features, in CEL (https://cel.dev), type-checked when they are loaded.

CEL cannot loop forever, has no side effects and needs no sandbox. Every name a rule may use is declared here
with its type, so a typo or a comparison of a text with a number is refused before a rule set is published,
with the place in the expression. A rule set is compiled into one program and evaluated once per transaction.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from cel_expr_python import cel
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from payments.decision import Finding, Outcome, Reason
from payments.features import FEATURES

VARIABLES: Mapping[str, Any] = {
    **{feature.name: cel.Type.INT if feature.whole else cel.Type.DOUBLE for feature in FEATURES},
    "score": cel.Type.DOUBLE,  # of the model; 0.0 without one
    "currency": cel.Type.STRING,
    "entry_mode": cel.Type.STRING,
    "customer_known": cel.Type.BOOL,  # of an unknown customer, card or terminal all texts are empty
    "segment": cel.Type.STRING,
    "card_known": cel.Type.BOOL,
    "card_status": cel.Type.STRING,
    "card_expired": cel.Type.BOOL,
    "terminal_known": cel.Type.BOOL,
    "merchant_name": cel.Type.STRING,
    "category": cel.Type.STRING,
    "country": cel.Type.STRING,
}
"""What a rule's expression may refer to."""


_WORD = re.compile(r"[A-Za-z_]\w*")


class RuleSetError(ValueError):
    """A rule set that must not be used; the message names each broken rule and what is wrong with it."""


class Rule(BaseModel):
    """One rule: when its expression is true, it asks for an outcome."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,63}$", description="Stable code.")]
    when: Annotated[str, Field(min_length=1, max_length=2000, description="CEL expression, true or false.")]
    outcome: Annotated[Outcome, Field(description="What a match asks for.")]
    text: Annotated[str, Field(min_length=1, max_length=200, description="Why, for people.")]


class RuleSetFile(BaseModel):
    """What a file of rules holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


class RuleSet:
    """Compiled rules with their version; `needs` are the variables whose values they may ask for.

    Raises:
        RuleSetError: a rule does not compile, is no yes-or-no question, or two have the same code.
    """

    def __init__(self, rules: Sequence[Rule], version: str | None = None) -> None:
        self.rules = tuple(rules)
        self.version = version or digest(self.rules)
        environment = cel.NewEnv(variables=dict(VARIABLES))
        self._each = _compiled(environment, self.rules)
        self._all = environment.compile("[" + ", ".join(f"({rule.when})" for rule in self.rules) + "]")
        self._found = [Finding(rule.outcome, Reason(rule.code, rule.text)) for rule in self.rules]
        words = {word for rule in self.rules for word in _WORD.findall(rule.when)}
        self.needs = tuple(name for name in VARIABLES if name in words)

    def findings(self, values: Mapping[str, Any]) -> list[Finding]:
        """What the rules ask for, in their order, given a value of its declared type for each of `needs`.

        A rule that fails while it is evaluated (it divides by zero) asks for a review; the others count.
        """
        result = self._all.eval(data=values).plain_value()
        if isinstance(result, list):
            return [found for found, hit in zip(self._found, result, strict=True) if hit]
        return self._one_by_one(values)

    def answers(self, values: Mapping[str, Any]) -> list[bool | str]:
        """What each rule says, in their order: whether it matches, or why it could not be evaluated."""
        return [
            hit if isinstance(hit, bool) else _first_line(hit)
            for hit in (program.eval(data=values).plain_value() for program in self._each)
        ]

    def _one_by_one(self, values: Mapping[str, Any]) -> list[Finding]:
        findings = []
        for rule, found, hit in zip(self.rules, self._found, self.answers(values), strict=True):
            if hit is True:
                findings.append(found)
            elif hit is not False:
                text = f"Rule {rule.code} could not be evaluated: {hit}"
                findings.append(Finding(Outcome.REVIEW, Reason("rule_failed", text)))
        return findings


def parse_rules(data: Any) -> tuple[Rule, ...]:
    """Read the data of a rule file.

    Raises:
        RuleSetError: it has another shape; the message says where, what was expected and what stands there.
    """
    try:
        return RuleSetFile.model_validate(data).rules
    except ValidationError as error:
        problems = [
            f"{_place(detail['loc'])}: {detail['msg']}, got {detail['input']!r}" for detail in error.errors()
        ]
        raise RuleSetError("\n".join(problems)) from error


def digest(rules: Sequence[Rule]) -> str:
    """Version of a rule set: the first 16 hex digits of the sha256 of its canonical JSON."""
    data = [rule.model_dump(mode="json") for rule in rules]
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _place(location: tuple[str | int, ...]) -> str:
    return "/".join(str(part) for part in location) or "the file"


def _compiled(environment: Any, rules: Sequence[Rule]) -> list[Any]:
    programs, problems = [], []
    codes: set[str] = set()
    for rule in rules:
        if rule.code in codes:
            problems.append(f"rule {rule.code}: the code is used twice")
        codes.add(rule.code)
        try:
            program = environment.compile(rule.when)
        except RuntimeError as error:
            problems.append(f"rule {rule.code}: {_compile_error(error)}")
            continue
        if program.return_type() != cel.Type.BOOL:
            problems.append(f"rule {rule.code}: gives {program.return_type().name()}, expected true or false")
        programs.append(program)
    if problems:
        raise RuleSetError("\n".join(problems))
    return programs


def _compile_error(error: RuntimeError) -> str:
    return str(error).removeprefix("INVALID_ARGUMENT: ").removesuffix(" [INVALID_ARGUMENT]")


def _first_line(value: object) -> str:
    return str(value).splitlines()[0] if str(value) else type(value).__name__
