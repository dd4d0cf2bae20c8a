"""Takes the Dockerfile's own steps, stage by stage, above what stands in for the base image."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from tests.deploy.image import dockerfile
from tests.deploy.image.context import copy, copy_context
from tests.deploy.image.dockerfile import DockerfileError, Step
from tests.deploy.image.tree import BASE_ENVIRONMENT, Layer, Tree, stand_in


class Built(msgspec.Struct):
    """What an engine would run: the file system of the last stage, and how its steps say that it is started."""

    root: str
    added: list[str]  # the folders that hold what the steps added to the base
    size: int = 0  # of what is in these, in bytes
    environment: dict[str, str] = {}
    labels: dict[str, str] = {}
    user: str = ""
    folder: str = "/"
    stop_signal: str = ""
    entrypoint: list[str] = []
    command: list[str] = []


class Terms(msgspec.Struct, frozen=True):
    """Of a build: its project, its --build-arg, and what is added to the environment of each RUN."""

    project: Path
    arguments: Mapping[str, str]
    environment: Mapping[str, str]
    say: Callable[[str], object]


def build(folder: Path, terms: Terms) -> Built:
    """Take all steps, in a folder on a tmpfs. Blocks for half a minute; raises StepError, DockerfileError."""
    copy_context(terms.project, folder / "context")
    stages: dict[str, _Stage] = {}

    def origin(stage: str) -> Path:
        return stages[stage].tree.root if stage else folder / "context"

    for read in dockerfile.read(terms.project / "Dockerfile"):
        if read.base in stages:
            below, environment = stages[read.base].layers, stages[read.base].built.environment
        elif read.base.startswith("python:"):
            below, environment = (stand_in(folder / "stand-in"),), BASE_ENVIRONMENT
        else:
            raise DockerfileError(f"only Python's image has a stand-in here, not {read.base}")
        tree = Tree(folder / read.name, *below)
        stages[read.name] = last = _Stage(tree, (tree.layer, *below), terms, environment, origin)
        for step in read.steps:
            terms.say(f"{step.word} {step.text}")
            last.take(step)
        last.tree.seal()
    last.built.size = last.tree.layer.size()
    return last.built


class _Stage:
    def __init__(
        self,
        tree: Tree,
        layers: Sequence[Layer],
        terms: Terms,
        environment: Mapping[str, str],
        origins: Callable[[str], Path],
    ) -> None:
        self._terms = terms
        self._origin = origins
        self._arguments: dict[str, str] = {}
        self.tree = tree
        self.layers = layers
        self.built = Built(str(tree.root), list(map(str, tree.layer)), environment=dict(environment))

    def take(self, step: Step) -> None:
        """Do what one instruction says."""
        built, text = self.built, step.text
        match step.word:
            case "ARG":
                name, _, default = text.partition("=")
                self._arguments[name] = self._terms.arguments.get(name, default)
            case "ENV":
                built.environment |= self._pairs(text)
            case "LABEL":
                built.labels |= self._pairs(text)
            case "RUN":
                environment = {**self._known(), **self._terms.environment}
                self._terms.say(self.tree.run(["/bin/sh", "-c", text], environment, built.folder))
            case "COPY":
                self._copy(text.split())
            case "WORKDIR":
                built.folder = text
                self._place(text).mkdir(parents=True, exist_ok=True)
            case "ENTRYPOINT":
                built.entrypoint = dockerfile.words(text)
            case "CMD":
                built.command = dockerfile.words(text)
            case "USER":
                built.user = text
            case "STOPSIGNAL":
                built.stop_signal = text

    def _known(self) -> dict[str, str]:
        return self.built.environment | self._arguments

    def _pairs(self, text: str) -> dict[str, str]:
        return {name: dockerfile.expand(value, self._known()) for name, value in dockerfile.pairs(text).items()}

    def _place(self, path: str) -> Path:
        return self.tree.root / Path(self.built.folder, path).relative_to("/")

    def _copy(self, words: list[str]) -> None:
        stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else ""
        if words[0].startswith("--"):
            raise DockerfileError(f"not understood: COPY {words[0]}")
        *sources, target = words
        for source in (self._origin(stage) / source.lstrip("/") for source in sources):
            into = self._place(target)
            if target.endswith("/") and source.is_file():
                into /= source.name
            into.parent.mkdir(parents=True, exist_ok=True)
            copy(source, into)
