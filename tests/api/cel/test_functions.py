"""Expressions with the functions Kubernetes adds, and the standard ones it promises."""

from __future__ import annotations

import pytest

from steersman.api.cel.environment import Checker, EvaluationError, ExpressionError, evaluate, program

TRUE = [
    "[1, 2, 3].isSorted()",
    "[1.5, 2.5].sum() == 4.0",
    "[duration('1m'), duration('2m')].sum() == duration('3m')",
    "[3, 1].min() == 1 && ['a', 'b'].max() == 'b'",
    "[1, 2, 1].lastIndexOf(1) == 2 && 'abc'.indexOf('c') == 2",
    "'ab12'.find('[0-9]+') == '12' && 'a1b2'.findAll('[0-9]', 1) == ['1']",
    "quantity('1Gi').isGreaterThan(quantity('500Mi')) && quantity('1') == quantity('1000m')",
    "quantity('50k').add(20).asInteger() == 50020 && quantity('-1').sign() == -1",
    "!isQuantity('1foo') && quantity('1.5').asApproximateFloat() == 1.5",
    "ip('127.0.0.1').isLoopback() && ip('::1').family() == 6 && !isIP('300.0.0.1')",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')",
    "cidr('192.168.1.5/24').masked() == cidr('192.168.1.0/24') && cidr('::/64').prefixLength() == 64",
    "string(ip('10.0.0.1')) == '10.0.0.1' && ip.isCanonical('::1')",
    "url('https://user@example.com:8443/a?b=c').getHost() == 'example.com:8443'",
    "url('https://example.com/a?b=c').getQuery() == {'b': ['c']} && !isURL('../a')",
    "semver('1.10.0').isGreaterThan(semver('1.9.9')) && semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))",
    "semver('v1.2', true).minor() == 2 && isSemver('1.2.3') && !isSemver('1.2')",
    "!format.dns1123Label().validate('ok').hasValue()",
    "format.dns1123Label().validate('No').value().size() == 1",
    "'%s-%d'.format(['a', 1]) == 'a-1' && 'a,b'.split(',').join('+') == 'a+b'",
    "sets.contains([1, 2], [1]) && {'a': 1}.all(k, v, k == 'a' && v == 1)",
    "optional.none().orValue(1) == 1 && {'a': 1}[?'b'].hasValue() == false",
]


@pytest.mark.parametrize("text", TRUE)
def test_an_expression_is_well_typed_and_true(text: str) -> None:
    assert Checker({}).check(text).type == "bool"
    assert evaluate(program(text), {}) is True


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 +", "Syntax error: mismatched input"),
        ("unknown == 1", "undeclared reference to 'unknown'"),
        ("1 == 'a'", "found no matching overload for '_==_' applied to '(int, string)'"),
        ("['a'].sum()", "found no matching overload for 'sum'"),
    ],
)
def test_an_expression_that_is_wrong_says_where(text: str, why: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Checker({}).check(text)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 / (self.size() - 2) == 1", "division by zero"),
        ("self['zz'] == 1", "no such key: zz"),
        ("[1][int(self.a)] == 1", "index out of bounds: 5"),
        ("9223372036854775807 + int(self.a) > 0", "integer overflow"),
        ("quantity(string(self.b)).sign() == 1", "quantities must match"),
    ],
)
def test_an_expression_without_a_value_says_why(text: str, why: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(program(text), {"self": {"a": 5, "b": "x"}})
    assert why in str(caught.value)
