"""Pictures that belong together though their names are not the same."""

import pytest

from translate.partners import partners


def of(names: str) -> dict[str, str]:
    """Each name with a picture called like it."""
    return {name: name for name in names.split(", ")}


@pytest.mark.parametrize(
    ("sources", "targets", "keys"),
    [
        ("0801x4, 0802x4, 0811x4", "0801, 0802, 0811", "0801, 0802, 0811"),  # DIV2K
        ("rain-1x2, rain-2x2", "norain-1, norain-2", "1, 2"),  # Rain100L
        ("0001_NOISY_010, 0002_NOISY_010", "0001_GT_010, 0002_GT_010", "0001, 0002"),  # SIDD
        ("cat_a, bat_a", "cat_b, bat_b", "cat, bat"),
        ("photo 1 (small), photo 2 (small)", "photo 1, photo 2", "1, 2"),
        ("IMG1, IMG2", "photo1, photo2", "1, 2"),
        ("0801x4", "0801", "0801"),
    ],
)
def test_what_all_names_begin_or_end_with_is_passed_over(
    sources: str, targets: str, keys: str
) -> None:
    keyed = partners({"source": of(sources), "target": of(targets)})
    assert list(keyed["source"].items()) == list(zip(keys.split(", "), of(sources), strict=True))
    assert list(keyed["target"].items()) == list(zip(keys.split(", "), of(targets), strict=True))


@pytest.mark.parametrize(
    ("sources", "targets"),
    [
        # One name of both is enough: the others lack partners, and that is told.
        ("1, 2_a, 3_a", "1, 2, 3"),
        # Two animals of one number are no pair: CycleGAN's horses and zebras.
        ("n02381460_1, n02381460_20, n02381460_44", "n02391049_1, n02391049_7, n02391049_30"),
        # Numbers and words are not cut.
        ("11, 12, 13", "1, 2, 3"),
        ("cart, dart", "carp, darp"),
    ],
)
def test_names_stay_where_too_few_would_meet(sources: str, targets: str) -> None:
    given = {"source": of(sources), "target": of(targets)}
    assert partners(given) == given


def test_one_of_ten_may_lack_its_partner() -> None:
    many = ", ".join(f"{number}x4" for number in range(1, 21))
    views = {"source": of(many), "target": of(", ".join(map(str, range(1, 20))))}
    keyed = partners(views)
    assert "20" in keyed["source"]
    assert "20" not in keyed["target"]
    assert keyed["source"]["7"] == "7x4"


def test_a_view_alone_has_no_partners() -> None:
    assert partners({"target": of("a1, a2")}) == {"target": of("a1, a2")}
