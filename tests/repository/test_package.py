"""The wheel holds what it should, nothing else, and works on its own."""

import email
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement

from tests.repository.tree import ROOT, existing_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["setuptools"]["packages"]
# Where the files of a package lie in the checkout, for those that do not lie under their name.
MAPPED = PROJECT["tool"]["setuptools"]["package-dir"]
TOP_LEVEL = ("export", "pixstack", "stacks", "translate")


def folder_of(package: str) -> PurePosixPath:
    return PurePosixPath(MAPPED.get(package, package.replace(".", "/")))


def expected_contents() -> set[str]:
    """What the checkout says should be in the wheel, metadata aside."""
    names = {f"{module}.py" for module in PROJECT["tool"]["setuptools"]["py-modules"]}
    files = existing_files()
    for package in PACKAGES:
        inside = PurePosixPath(package.replace(".", "/"))
        patterns = PROJECT["tool"]["setuptools"]["package-data"].get(package, [])
        for path in files:
            if not path.is_relative_to(folder_of(package)):
                continue
            relative = path.relative_to(folder_of(package))
            code = relative.suffix == ".py" and len(relative.parts) == 1
            source = code and package not in MAPPED
            # Depth must agree too: `match` looks at the end of a path only.
            data = any(
                relative.match(pattern) and len(relative.parts) == len(PurePosixPath(pattern).parts)
                for pattern in patterns
            )
            if source or data:
                names.add(str(inside / relative))
    return names


def test_every_package_folder_is_listed() -> None:
    with_code = {path.parent for path in existing_files() if path.suffix == ".py"}
    found = {
        ".".join(folder.parts)
        for folder in with_code
        if folder.parts[:1] and folder.parts[0] in TOP_LEVEL
    }
    assert found == set(PACKAGES) - set(MAPPED)


def test_every_package_has_an_init() -> None:
    missing = [
        package
        for package in PACKAGES
        if package not in MAPPED and not (ROOT / folder_of(package) / "__init__.py").is_file()
    ]
    assert not missing


def test_the_wheel_holds_exactly_the_listed_packages_and_their_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == expected_contents()


def test_the_wheel_holds_modules_recipes_models_and_examples(wheel: Path) -> None:
    """The check above would pass on an empty tree; this one names what must be there."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"app.py", "pixstack/cli.py", "export/runtime/translator.py", "stacks/train.py"} <= names
    assert {"stacks/recipes/photo-sr.toml", "stacks/recipes/photo-denoise.toml"} <= names
    for model in ("photo-sr", "photo-sr-crisp", "photo-denoise", "hand-pose"):
        assert {f"pixstack/models/{model}.onnx", f"pixstack/models/{model}.md"} <= names
    assert any(PurePosixPath(name).match("pixstack/examples/*.[pj][np]g") for name in names)


def test_the_metadata_keeps_torch_in_an_extra(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        message = email.message_from_bytes(archive.read(metadata))
    assert message["Name"] == "pixstack"
    assert message["License-Expression"] == "Apache-2.0"
    assert set(message.get_all("Provides-Extra", [])) == {"train", "gpu", "openvino", "test"}
    requirements = [Requirement(line) for line in message.get_all("Requires-Dist", [])]
    base = {r.name for r in requirements if not (r.marker and "extra" in str(r.marker))}
    serving = "gradio numpy onnxruntime onnxruntime-gpu pyvips pyvips-binary rich typer"
    assert base == set(serving.split())


@pytest.mark.parametrize(
    ("platform", "machine", "expected"),
    [
        ("linux", "x86_64", "onnxruntime-gpu"),
        ("win32", "AMD64", "onnxruntime-gpu"),
        ("linux", "aarch64", "onnxruntime"),
        ("darwin", "arm64", "onnxruntime"),
        ("darwin", "x86_64", "onnxruntime"),
        ("win32", "ARM64", "onnxruntime"),
    ],
)
def test_each_platform_gets_one_onnxruntime(platform: str, machine: str, expected: str) -> None:
    environment = {"sys_platform": platform, "platform_machine": machine}
    chosen = [
        requirement.name
        for requirement in map(Requirement, PROJECT["project"]["dependencies"])
        if requirement.name.startswith("onnxruntime")
        and requirement.marker is not None
        and requirement.marker.evaluate(environment)
    ]
    assert chosen == [expected]


def test_every_range_has_a_pin_inside_it() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, version = line.split("==")
            pins[name.lower().replace("_", "-")] = version
    extras = PROJECT["project"]["optional-dependencies"]
    declared = PROJECT["project"]["dependencies"] + [
        line for extra in ("train", "openvino", "test") for line in extras[extra]
    ]
    for requirement in map(Requirement, declared):
        if requirement.marker is None or requirement.marker.evaluate(
            {"sys_platform": "linux", "platform_machine": "x86_64"}
        ):
            pin = pins[requirement.name.lower().replace("_", "-")]
            assert requirement.specifier.contains(pin), f"{requirement} does not allow {pin}"
