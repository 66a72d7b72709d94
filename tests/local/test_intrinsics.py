"""The template reader: CloudFormation's functions, order and complaints, on small templates."""

from pathlib import Path
from typing import Any

import pytest

from deploy.local.provisioning.sources import TemplateError, read_source
from deploy.local.provisioning.templates import Applied, Template

HEAD = """
Parameters:
  Name: {Type: String}
  Words: {Type: CommaDelimitedList, Default: "a,b"}
Conditions:
  IsBig: !Equals [!Ref Name, big]
  IsSmall: !Not [!Condition IsBig]
  IsBoth: !And [!Condition IsBig, !Condition IsSmall]
  IsEither: !Or [!Condition IsBig, !Condition IsSmall]
"""


def read(tmp_path: Path, body: str, name: str = "big") -> Template:
    path = tmp_path / "template.yaml"
    path.write_text(HEAD + body)
    return Template.read(path, account_id="111111111111", region="eu-west-2", parameters={"Name": name})


def resolved(tmp_path: Path, value: str) -> Any:
    template = read(tmp_path, f"Resources:\n  Other: {{Type: T}}\n  It:\n    Type: T\n    Properties: {{V: {value}}}\n")
    template.record("Other", Applied("ref-of-other", {"Arn": "arn-of-other"}))
    return template.properties("It").get("V", "left out")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!Ref Name", "big"),
        ("!Ref Words", ["a", "b"]),
        ("!Ref AWS::AccountId", "111111111111"),
        ("!Ref Other", "ref-of-other"),
        ("!GetAtt Other.Arn", "arn-of-other"),
        ("{'Fn::GetAtt': [Other, Arn]}", "arn-of-other"),
        (
            '!Sub "${Name}-${AWS::Region}-${Other}-${Other.Arn}-${!Literal}"',
            "big-eu-west-2-ref-of-other-arn-of-other-${Literal}",
        ),
        ('!Sub ["${X}/${Name}", {X: !GetAtt Other.Arn}]', "arn-of-other/big"),
        ("!Join ['-', [a, !Ref Name]]", "a-big"),
        ("!Join ['+', !Ref Words]", "a+b"),
        ("!Split [',', 'x,y']", ["x", "y"]),
        ("!Select [1, !Split [',', 'x,y']]", "y"),
        ("!If [IsBig, yes-it-is, other]", "yes-it-is"),
        ("!If [IsSmall, other, !Ref Name]", "big"),
        ("!If [IsBoth, other, !Ref AWS::NoValue]", "left out"),
        ("!If [IsEither, 1, 2]", 1),
        ("[1, !If [IsSmall, 2, !Ref AWS::NoValue], 3]", [1, 3]),
        ("{Condition: {StringEquals: {a: !Ref Name}}}", {"Condition": {"StringEquals": {"a": "big"}}}),
    ],
)
def test_resolves(tmp_path: Path, value: str, expected: object) -> None:
    assert resolved(tmp_path, value) == expected


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("!Ref Nobody", "no parameter or made resource Nobody"),
        ("!GetAtt Other.Colour", "Other has no attribute Colour"),
        ("!If [Nobody, 1, 2]", "no condition Nobody"),
        ("{'Fn::Cidr': [a, 1, 2]}", "Fn::Cidr is not known"),
        ("!Cidr [a, 1, 2]", "could not determine a constructor"),
    ],
)
def test_complains_of(tmp_path: Path, value: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        resolved(tmp_path, value)


class TestInOrder:
    def test_gives_each_resource_after_what_it_needs(self, tmp_path: Path) -> None:
        template = read(
            tmp_path,
            """
Resources:
  A: {Type: T, DependsOn: B}
  B: {Type: T, Properties: {V: !Sub "${C.Arn}"}}
  C: {Type: T, Properties: {V: [{W: !Ref D}]}}
  D: {Type: T}
""",
        )
        assert [name for name, _ in template.in_order()] == ["D", "C", "B", "A"]

    def test_leaves_out_what_its_condition_excludes(self, tmp_path: Path) -> None:
        body = "Resources:\n  A: {Type: T, Condition: IsBig}\n  B: {Type: T, Condition: IsSmall}\n"
        assert [name for name, _ in read(tmp_path, body).in_order()] == ["A"]

    def test_names_a_circle(self, tmp_path: Path) -> None:
        body = "Resources:\n  A: {Type: T, DependsOn: B}\n  B: {Type: T, DependsOn: A}\n"
        with pytest.raises(TemplateError, match="need each other"):
            list(read(tmp_path, body).in_order())


def test_refuses_a_file_without_resources(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\n")
    with pytest.raises(TemplateError, match="no Resources"):
        read_source(path)
