"""The state of a run: its precision, its phases, and its way through a file."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import stacks.checks
import stacks.run
from stacks.collectives import average_gradients
from stacks.run import Run, launch
from tests.stacks.tiny import super_resolution


@pytest.mark.parametrize(
    ("precision", "pays", "expected"),
    [
        ("auto", True, torch.bfloat16),
        ("auto", False, torch.float32),
        ("bf16", False, torch.bfloat16),
        ("fp32", True, torch.float32),
    ],
)
def test_half_precision_where_it_pays_or_is_asked_for(
    targets: Path,
    precision: str,
    pays: bool,
    expected: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stacks.run, "bf16_pays", lambda device: pays)
    fabric = launch(super_resolution(targets, f"precision={precision}"))
    layer = nn.Conv2d(3, 3, 1).to(fabric.device)
    with fabric.autocast():
        assert layer(torch.ones(1, 3, 2, 2, device=fabric.device)).dtype == expected
    assert layer.weight.dtype == torch.float32


def test_a_seed_names_a_start(targets: Path) -> None:
    def weights(seed: int) -> torch.Tensor:
        recipe = super_resolution(targets, f"seed={seed}")
        torch.rand(5)  # whatever drew before
        run = Run(recipe, launch(recipe))
        networks = (run.stack, run.discriminators)
        return torch.cat([one.flatten() for net in networks for one in net.state_dict().values()])

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))


@pytest.mark.parametrize("compiler", [True, False])
def test_generators_are_compiled_where_that_works(
    targets: Path,
    tmp_path: Path,
    compiler: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain = super_resolution(targets)
    recipe = super_resolution(targets, "compile=true")
    found = "/usr/bin/g++" if compiler else None
    monkeypatch.setattr(stacks.checks, "shutil", SimpleNamespace(which=lambda name: found))
    (tmp_path / "Python.h").write_text("")
    headers = SimpleNamespace(get_path=lambda name: str(tmp_path))
    monkeypatch.setattr(stacks.checks, "sysconfig", headers)
    run = Run(recipe, launch(recipe))
    compiled = [stage.generator._compiled_call_impl is not None  # type: ignore[union-attr]
                for stage in run.stack.stages.values()]  # fmt: skip
    assert compiled == [compiler] * 2
    assert ("not compiled" in "".join(capsys.readouterr())) != compiler
    # Checkpoints of one fit the other.
    assert list(run.stack.state_dict()) == list(Run(plain, launch(plain)).stack.state_dict())
    averaged = [stage.generator._compiled_call_impl  # type: ignore[union-attr]
                for stage in run.average.module.stages.values()]  # fmt: skip
    assert averaged == [None, None], "what is measured and saved stays plain"


def test_a_run_goes_through_a_file(targets: Path, tmp_path: Path) -> None:
    recipe = super_resolution(targets)
    run = Run(recipe, launch(recipe))
    run.begin_phase(1)
    run.step, run.best, run.seconds = 5, 31.25, 12.5
    with torch.no_grad():
        for parameter in (*run.stack.parameters(), *run.discriminators.parameters()):
            parameter.add_(1)
    run.save(tmp_path / "state")
    other = Run(recipe, launch(recipe))
    other.restore(tmp_path / "state")
    assert (other.phase, other.step, other.best, other.seconds) == (1, 5, 31.25, 12.5)
    assert other.discriminator_optimizer is not None
    for name in ("stack", "discriminators"):
        for one, two in zip(
            getattr(run, name).parameters(), getattr(other, name).parameters(), strict=True
        ):
            assert torch.equal(one, two)
            assert one.stride() == two.stride(), "kernels stay channels last"
    # Nothing was measured yet: minus infinity, which JSON does not know, comes back as well.
    run.best = float("-inf")
    run.save(tmp_path / "state")
    other.restore(tmp_path / "state")
    assert other.best == float("-inf")


def test_gradients_are_averaged_over_devices(
    targets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fabric = launch(super_resolution(targets))
    parameters = [nn.Parameter(torch.zeros(2)) for _ in range(2)]
    parameters[0].grad = torch.tensor([1.0, 2.0])
    average_gradients(fabric, parameters)
    assert parameters[0].grad.tolist() == [1, 2], "on one device there is nothing to do"

    def all_reduce(data: torch.Tensor, async_op: bool) -> SimpleNamespace:
        # The other device has the gradient (5, 0); a sum is on its way until it is waited for.
        return SimpleNamespace(wait=lambda: data.add_(torch.tensor([5.0, 0.0])))

    monkeypatch.setattr(type(fabric), "world_size", 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    average_gradients(fabric, parameters)
    assert parameters[0].grad.tolist() == [3, 1]
    assert parameters[1].grad is None
