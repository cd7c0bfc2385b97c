import pytest

from local.errors import RuntimeProblem
from local.mirror import Repository, covers_central, maven_repository, mirror_of_central

SETTINGS = """<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0">
  <mirrors>
    <mirror><id>other</id><mirrorOf>snapshots</mirrorOf><url>http://other.example</url></mirror>
    <mirror><id>ours</id><mirrorOf>{of}</mirrorOf><url>http://${{env.MIRROR}}/maven/</url></mirror>
  </mirrors>
  <servers><server><id>ours</id><username>me</username><password>${{env.SECRET}}</password></server></servers>
</settings>"""
ENVIRON = {"MIRROR": "mirror.example", "SECRET": "hush"}


@pytest.mark.parametrize("of", ["central", "*", "external:*", "*,!snapshots", "a, central"])
def test_a_mirror_of_central_is_taken_with_its_login(of):
    expected = Repository("http://mirror.example/maven", ("me", "hush"))
    assert mirror_of_central(SETTINGS.format(of=of), ENVIRON) == expected


@pytest.mark.parametrize("of", ["*,!central", "snapshots", ""])
def test_a_mirror_of_something_else_is_not(of):
    assert not covers_central(of)
    assert mirror_of_central(SETTINGS.format(of=of), ENVIRON) is None


def test_the_variable_wins_over_the_settings(tmp_path):
    settings = tmp_path / "settings.xml"
    settings.write_text(SETTINGS.format(of="*"))
    given = {"KAPSTAN_MAVEN_URL": "http://given.example/"}
    assert maven_repository(given, settings) == Repository("http://given.example")
    assert maven_repository(ENVIRON, settings).url == "http://mirror.example/maven"


def test_without_settings_the_resolver_librarys_default_counts(tmp_path):
    from jgo.constants import MAVEN_CENTRAL_URL

    assert maven_repository({}, tmp_path / "none.xml") == Repository(MAVEN_CENTRAL_URL)


def test_broken_settings_are_named(tmp_path):
    settings = tmp_path / "settings.xml"
    settings.write_text("<settings>")
    with pytest.raises(RuntimeProblem, match=r"settings\.xml is not valid XML"):
        maven_repository({}, settings)
