"""The lines of a run that nobody watches: the few numbers that matter."""

from stacks.spec import ValidationSpec
from stacks.spoken import brief, look, remaining


def test_of_adversaries_what_they_pay_and_of_others_their_terms() -> None:
    values = {
        "paint/discriminator/adversarial": 0.26523,
        "paint/discriminator/real": 0.6,
        "paint/generator/l1": 0.18,
        "paint/generator/adversarial": 3.89448,
        "paint/generator/weights": 41.0,
        "level/generator/l1": 0.00160918,
        "level/generator/weights": 12.0,
        "generator/gradient": 0.26,
        "paint/diversity": 0.9,
    }
    assert brief(values) == "paint discriminator 0.2652, generator 3.894; level l1 0.001609"
    assert brief({}) == ""


def test_a_look_has_an_interval_where_there_are_several_pictures() -> None:
    spec = ValidationSpec(metric="psnr_y")
    alone = {"psnr_y": 20.5, "ssim_y": 0.9}
    assert look(alone, spec) == "held out: psnr_y 20.5000"
    several = {**alone, "psnr_y/low": 19.25, "psnr_y/high": 21.0, "psnr_y/training": 24.0}
    assert look(several, spec) == "held out: psnr_y 20.5000 (95 %: 19.2500 to 21.0000)"


def test_the_time_left() -> None:
    assert remaining(3723.4) == "1:02:03 left"
