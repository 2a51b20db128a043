"""Codes and factors as people keep them: one file or two, npz, Parquet or CSV, or in the order of a dataset."""

import numpy as np
import pandas as pd
import pytest

import harness
from harness import UserError
from harness.data import column_files
from harness.scoring.codes_file import score_file

SPRITES = {"name": "sprites", "image_size": 16, "scales": 2, "orientations": 3, "positions_x": 4, "positions_y": 5}
FACTORS = np.stack(np.meshgrid(range(6), range(5), range(4), indexing="ij"), -1).reshape(-1, 3)
CODES = FACTORS + 0.2 * np.random.default_rng(0).normal(size=FACTORS.shape)
METRICS = ["mig", "sap", "total-correlation"]


@pytest.fixture
def scored(registry, tmp_path):
    """Scores files in an empty folder, each of which is written by a function of its path."""

    def score(codes, factors=None, metrics=METRICS, **arguments):
        return score_file(
            tmp_path / codes, metrics, registry, factors=str(tmp_path / factors) if factors else None, **arguments
        )

    return score


def written(path, table):
    """Writes columns in the format that the name says."""
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        np.savez(path, table.to_numpy())


def frames():
    return pd.DataFrame(CODES, columns=["z0", "z1", "z2"]), pd.DataFrame(FACTORS, columns=["factor_a", "b", "c"])


@pytest.mark.parametrize(("codes", "factors"), [("c.csv", "f.parquet"), ("c.parquet", "f.csv"), ("c.csv", "f.npz")])
def test_codes_and_factors_in_two_files_have_the_scores_of_arrays(scored, tmp_path, codes, factors):
    for name, table in zip((codes, factors), frames(), strict=True):
        written(tmp_path / name, table)
    found = scored(codes, factors)
    expected = harness.score(CODES, FACTORS, METRICS)
    assert {name: found[name]["score"] for name in METRICS} == dict(expected)


def test_codes_and_factors_in_one_file_have_the_scores_of_arrays(scored, tmp_path):
    codes, factors = frames()
    table = pd.concat([codes, factors.rename(columns="factor_{}".format)], axis=1)
    rows = np.random.default_rng(1).permutation(len(table))[:100]
    expected = harness.score(CODES[rows], FACTORS[rows], METRICS)
    written(tmp_path / "both.parquet", table.iloc[rows])
    np.savez(tmp_path / "both.npz", codes=CODES[rows], factors=FACTORS[rows])
    for name in ("both.parquet", "both.npz"):
        found = scored(name)
        assert {metric: found[metric]["score"] for metric in METRICS} == dict(expected)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_factors_are_read_as_beside_a_folder_of_pictures(scored, tmp_path, suffix):
    """Texts are levels without an order, and the names of pictures are no factor."""
    known = frames()[1].assign(b=np.array(["disc", "heart", "ring", "square", "star"])[FACTORS[:, 1]])
    written(tmp_path / f"factors.{suffix}", known.assign(file=[f"{row:03}" for row in range(len(known))]))
    written(tmp_path / "codes.csv", frames()[0])
    found = scored("codes.csv", f"factors.{suffix}", ["mig", "sap"], protocol="infogan-cr")
    metrics = ["mig", {"name": "sap", "protocol": "infogan-cr"}]
    expected = harness.score(CODES, FACTORS, metrics, categorical=["1"])
    assert {name: found[name]["score"] for name in ("mig", "sap")} == dict(expected)
    assert dict(harness.score(CODES, known, metrics)) == dict(expected)
    assert expected["sap"] != harness.score(CODES, FACTORS, metrics)["sap"]


def test_a_real_column_of_a_file_makes_no_other_one_continuous(scored, tmp_path):
    known = pd.DataFrame({"factor_a": np.arange(200) % 100, "factor_b": np.arange(200) / 100})
    written(tmp_path / "both.csv", known.assign(z=known["factor_a"] + 0.5))
    expected = harness.score(known[["factor_a"]] + 0.5, known, ["mig"], continuous=["factor_b"])
    assert scored("both.csv", metrics=["mig"])["mig"]["score"] == expected["mig"]


@pytest.mark.parametrize(
    ("name", "place"),
    [("factors.csv", "lines 3, 8, 10 and 1 more"), ("factors.parquet", "rows 1, 5, 6 and 1 more")],
)
def test_missing_values_are_told_by_their_lines(scored, tmp_path, name, place):
    known = frames()[1].astype({"b": float}).assign(shape=["a\nb", "c"] * 60)
    known.loc[[0, 4, 5], "b"], known.loc[[0, 7], "shape"] = None, None
    written(tmp_path / name, known)
    if name.endswith(".csv"):  # Empty lines are no rows, and a text may go on in the next line.
        (tmp_path / name).write_text("\n" + (tmp_path / name).read_text())
    written(tmp_path / "codes.csv", frames()[0])
    message = rf"{name}: 4 of 120 rows lack a value in b, shape \({place}\); .* leave these rows out"
    with pytest.raises(UserError, match=message):
        scored("codes.csv", name)


def test_codes_in_the_order_of_a_dataset_need_no_factors(registry, tmp_path):
    settings = {key: value for key, value in SPRITES.items() if key != "name"}
    codes = np.random.default_rng(0).normal(size=(3 * 2 * 3 * 4 * 5, 4))
    written(tmp_path / "codes.parquet", pd.DataFrame(codes, columns=list("abcd")))
    found = score_file(tmp_path / "codes.parquet", ["mig"], registry, factors="sprites", settings=settings)
    assert found["mig"]["score"] == harness.score(codes, SPRITES, ["mig"])["mig"]
    written(tmp_path / "few.parquet", pd.DataFrame(codes[1:], columns=list("abcd")))
    with pytest.raises(UserError, match=r"few.parquet: 359 rows of codes and 360 of factors"):
        score_file(tmp_path / "few.parquet", ["mig"], registry, factors="sprites", settings=settings)


@pytest.mark.parametrize("shuffled", [False, True])
def test_fixed_samples_are_the_rows_of_the_file_in_whatever_order_they_are(scored, tmp_path, shuffled):
    rng = np.random.default_rng(3)
    rows = rng.permutation(len(FACTORS)) if shuffled else np.arange(len(FACTORS))
    codes, factors = CODES[rows], FACTORS[rows]
    labels = np.arange(60) % 3
    shared = [np.flatnonzero(factors[:, label] == factors[rng.integers(len(factors)), label]) for label in labels]
    groups = np.stack([rng.choice(candidates, 20) for candidates in shared])
    np.savez(tmp_path / "groups.npz", codes=codes, factors=factors, group_index=groups, group_label=labels)
    assert scored("groups.npz", metrics=["factorvae"], protocol="infogan-cr")["factorvae"]["score"] == 1


def test_codes_without_factors_are_scored_by_metrics_that_need_none(scored, tmp_path):
    written(tmp_path / "codes.csv", frames()[0])
    told = []
    assert set(scored("codes.csv", metrics=[], note=told.append)) == {
        "dhsic",
        "total-correlation",
        "wasserstein-correlation",
        "wasserstein-correlation-norm",
        "mutual-info-score",
    }
    assert "has no factors" in told[0]


def test_a_group_of_columns_is_scored_as_its_first_principal_component(scored, tmp_path):
    """Each code is spread over three columns, one of them noise, as in models whose codes are vectors."""
    rng = np.random.default_rng(2)
    weights = np.array([2.0, -1.0, 0.5])
    columns = np.concatenate([CODES[:, [code]] * weights for code in range(3)], axis=1)
    columns += 1e-3 * rng.normal(size=columns.shape)
    groups = [0] * 3 + [1] * 3 + [2] * 3
    scores = harness.score(columns, FACTORS, ["mig", "sap"], code_groups=groups)
    alone = harness.score(CODES, FACTORS, ["mig", "sap"])
    assert dict(scores) == pytest.approx(dict(alone), abs=0.01)
    assert scores.details("mig")["code_groups"] == "first principal components of 3 groups of 9 columns"
    np.savez(tmp_path / "vectors.npz", codes=columns, factors=FACTORS, code_groups=groups)
    assert scored("vectors.npz", metrics=["mig"])["mig"]["score"] == scores["mig"]
    with pytest.raises(UserError, match="code_groups: there are 2 groups for 9 columns"):
        harness.score(columns, FACTORS, ["mig"], code_groups=[0, 1])


def test_a_file_that_declares_more_than_a_memory_holds_is_refused(scored, tmp_path, monkeypatch):
    monkeypatch.setattr(column_files, "MOST_BYTES", 10_000)  # Of the true limit the table itself would be 4 GB.
    repeated = pd.DataFrame({f"z{number}": np.zeros(10_000) for number in range(10)})
    written(tmp_path / "huge.parquet", repeated)
    with pytest.raises(UserError, match=r"huge.parquet: it declares 0.0008 GB of numbers"):
        scored("huge.parquet")


@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        ("absent.csv", None, "absent.csv: No such file"),
        ("text.parquet", None, "text.parquet: cannot be read as a table: ArrowInvalid"),
        ("codes.csv", "absent.csv", "--factors .*absent.csv: .*No such file"),
        ("codes.csv", "several.npz", "several.npz: there is no array 'factors'; it has a, b"),
        ("codes.csv", "alone.npy", "alone.npy: this is a single array; expected an npz file of named arrays"),
        ("codes.csv", "word.csv", "word.csv: factors: column shape is heart in every row; leave it out"),
        ("codes.csv", "files.csv", "files.csv: factors: there are no rows or no columns"),
        ("words.csv", "factors.csv", "words.csv: codes: column shape holds 'heart', which is no number"),
        ("codes.csv", "short.csv", "codes.csv: 120 rows of codes and 5 of factors"),
        ("numbered.csv", "factors.csv", r"numbered.csv: there is a column without a name \('Unnamed: 0' to pandas\)"),
        ("codes.csv", "numbered.csv", r"numbered.csv: there is a column without a name .*leave it out: to_csv"),
    ],
)
def test_a_wrong_file_is_one_message(scored, tmp_path, codes, factors, message):
    table, known = frames()
    written(tmp_path / "codes.csv", table)
    written(tmp_path / "factors.csv", known)
    written(tmp_path / "short.csv", known[:5].assign(b=[0, 1, 2, 3, 4], c=[0, 1, 2, 3, 4], factor_a=[0, 1, 0, 1, 0]))
    written(tmp_path / "words.csv", pd.DataFrame({"shape": ["heart", "square"] * 60}))
    written(tmp_path / "word.csv", pd.DataFrame({"shape": ["heart"] * 120}))
    written(tmp_path / "files.csv", pd.DataFrame({"file": ["a.png", "b.png"]}))
    table.to_csv(tmp_path / "numbered.csv")
    (tmp_path / "text.parquet").write_text("<html>")
    np.savez(tmp_path / "several.npz", a=FACTORS, b=FACTORS)
    np.save(tmp_path / "alone.npy", FACTORS)
    with pytest.raises(UserError, match=message):
        scored(codes, factors)


@pytest.mark.parametrize(
    ("factors", "settings", "message"),
    [
        ("sprits", {}, "--factors sprits: factors: there is no dataset 'sprits'; did you mean 'sprites'"),
        ("digits", {}, "--factors digits: factors: the dataset 'digits' has no ground-truth factors"),
        ("sprites", {"scale": 2}, "--factors sprites: factors.scale: unknown key; did you mean 'scales'"),
        (None, {"scales": 2}, "--set is for the settings of the dataset that --factors names"),
    ],
)
def test_a_wrong_dataset_is_one_message(registry, tmp_path, factors, settings, message):
    written(tmp_path / "codes.csv", frames()[0])
    with pytest.raises(UserError, match=message):
        score_file(tmp_path / "codes.csv", METRICS, registry, factors=factors, settings=settings)
