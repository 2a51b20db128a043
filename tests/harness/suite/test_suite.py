import json

import pytest

from harness import UserError
from harness.suite.suite import Suite, load_suite, make_suite
from harness.suite.trial import Trial

SUITE = """
title = "A study"
seeds = 2
[dataset]
name = "bars"
[training]
steps = 10
batch_size = 8
[[models]]
name = "linear"
sweep.size = [2, 3]
sweep.noise = [0.0, 0.1]
[[models]]
name = "linear"
label = "untrained"
training.steps = 0
seeds = [7]
[evaluation]
metrics = ["spread", {name = "error"}]
selectors = ["alike"]
"""


def test_sweeps_multiply_and_seeds_repeat(suite_file, registry):
    suite = load_suite(suite_file(SUITE), registry)
    assert len(suite.trials) == 2 * 2 * 2 + 1
    assert [t.title for t in suite.trials][:3] == [
        "linear size=2 noise=0.0 seed=0",
        "linear size=2 noise=0.0 seed=1",
        "linear size=2 noise=0.1 seed=0",
    ]
    untrained = suite.trials[-1]
    assert (untrained.label, untrained.seed, untrained.training.steps) == ("untrained", 7, 0)
    assert untrained.training.batch_size == 8
    assert [metric.name for metric in suite.metrics] == ["spread", "error"]


def test_hyperparameters_are_resolved(suite_file, registry):
    trial = load_suite(suite_file(SUITE), registry).trials[0]
    assert trial.model.config == {"size": 2, "noise": 0.0, "pause": 0.0}
    assert trial.dataset.config == {"brightness": 1.0}


def test_a_trial_is_named_by_what_decides_its_numbers(suite_file, registry):
    def ids(text):
        return [trial.id for trial in load_suite(suite_file(text), registry).trials]

    first = ids(SUITE)
    assert len(set(first)) == len(first)
    assert ids(SUITE.replace('title = "A study"', 'title = "Another"')) == first
    assert ids(SUITE.replace('label = "untrained"', 'label = "raw"')) == first
    # A default written out is the same trial; any other value is not.
    assert ids(SUITE.replace('name = "bars"', 'name = "bars"\nbrightness = 1.0')) == first
    assert not set(ids(SUITE.replace('name = "bars"', 'name = "bars"\nbrightness = 0.5'))) & set(first)
    assert not set(ids(SUITE.replace("batch_size = 8", "batch_size = 9"))) & set(first)


def test_trials_and_suites_travel_as_json(suite_file, registry):
    suite = load_suite(suite_file(SUITE), registry)
    copy = Suite.from_json(json.loads(json.dumps(suite.to_json())))
    assert copy == suite
    assert [trial.id for trial in copy.trials] == [trial.id for trial in suite.trials]
    assert Trial.from_json(json.loads(json.dumps(suite.trials[0].to_json()))) == suite.trials[0]


def test_a_suite_extends_another(suite_file, registry):
    suite_file(SUITE, "base.toml")
    child = suite_file('extends = "base.toml"\nseeds = 1\n[training]\nsteps = 20\n', "child.toml")
    suite = load_suite(child, registry)
    assert suite.name == "child"
    assert suite.title == "A study"
    assert len(suite.trials) == 5
    assert suite.trials[0].training.values() == {"steps": 20, "batch_size": 8, "held_out": 0, "precision": "float32"}


def test_training_can_be_swept(suite_file, registry):
    text = SUITE.replace("sweep.size = [2, 3]", "sweep.training.steps = [0, 10]")
    trials = load_suite(suite_file(text), registry).trials[:8]
    assert [trial.training.steps for trial in trials] == [0, 0, 0, 0, 10, 10, 10, 10]
    assert trials[0].title == "linear training.steps=0 noise=0.0 seed=0"
    # A swept setting is the same trial as one that is set.
    (alone,) = load_suite(suite_file(SUITE), registry, ["models.0.sweep={noise=[0.1]}", "seeds=1"]).trials[:1]
    assert alone.id == load_suite(suite_file(text), registry, ["seeds=1"]).trials[3].id


def test_overrides_reach_every_key(suite_file, registry):
    suite = load_suite(
        suite_file(SUITE),
        registry,
        ["seeds=1", "training.steps=5", "models.untrained.config.size=4", "models.0.sweep.noise=[0.5]"],
    )
    assert [t.training.steps for t in suite.trials] == [5, 5, 0]
    assert [t.model.config["size"] for t in suite.trials] == [2, 3, 4]
    assert [t.model.config["noise"] for t in suite.trials] == [0.5, 0.5, 0.1]


def test_a_label_may_have_dots_where_a_setting_is_overridden(suite_file, registry):
    text = (
        SUITE
        + '\n[[models]]\nname = "linear"\nlabel = "size 0.5, large"\n[[models]]\nname = "linear"\nlabel = "size 0"\n'
    )
    suite = load_suite(
        suite_file(text), registry, ["models.size 0.5, large.config.size=4", "models.size 0.config.size=5"]
    )
    sizes = {trial.label: trial.model.config["size"] for trial in suite.trials}
    assert (sizes["size 0.5, large"], sizes["size 0"]) == (4, 5)


def test_an_override_finds_a_place_as_messages_write_it(suite_file, registry):
    by_step = load_suite(suite_file(SUITE), registry, ["models.0.sweep.noise=[0.5]", "models.1.config.size=4"])
    as_written = load_suite(suite_file(SUITE), registry, ["models[0].sweep.noise=[0.5]", "models[1].config.size=4"])
    assert [trial.id for trial in as_written.trials] == [trial.id for trial in by_step.trials]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds = 2", "seds = 2", "seds: unknown key; did you mean 'seeds'?"),
        ("seeds = 2", "seeds = 0", "seeds: got 0, expected from 1 to 100,000 seeds"),
        ("seeds = 2", f"seeds = {2**63}", "seeds: got 9223372036854775808, expected a whole number of at most 64 bits"),
        ("sweep.size = [2, 3]", f"sweep.size = [{10**18}]", "linear cannot be built with these settings: "),
        ("steps = 10", "stpes = 10", "training.stpes: unknown key; did you mean 'steps'?"),
        ("steps = 10", "steps = -1", "training.steps: got -1, expected greater than or equal to 0"),
        ("steps = 10", "steps = 10\nheld_out = -1", "training.held_out: got -1, expected greater than or equal to 0"),
        (
            "steps = 10",
            "steps = 10\nheld_out = 64",
            "models[0].training.held_out: 64 leaves none of the 64 images of bars",
        ),
        (
            "steps = 10",
            "steps = 10\nheld_out = 57",
            "models[0].training.batch_size: 8 is more than the 64 images of bars less 57 held out",
        ),
        ("batch_size = 8", "batch_size = 65", "models[0].training.batch_size: 65 is more than the 64 images of bars"),
        ("steps = 10", 'steps = "ten"', "training.steps: got 'ten'"),
        ('name = "bars"', 'name = "bar"', "dataset: there is no dataset 'bar'; did you mean 'bars'?"),
        (
            'name = "bars"',
            'name = "bars"\nbrihtness = 1.0',
            "dataset.brihtness: unknown key; did you mean 'brightness'?",
        ),
        ('name = "bars"', "brightness = 1.0", "dataset.name: this key is required"),
        ("sweep.size = [2, 3]", "sweep.sizes = [2, 3]", "models[0].config.sizes: unknown key; did you mean 'size'?"),
        ("sweep.size = [2, 3]", "sweep.size = [2, 2]", "two trials are the same: 'linear size=2 noise=0.0 seed=0'"),
        ("sweep.size = [2, 3]", "sweep.size = []", "models[0].sweep.size: the list is empty"),
        ("sweep.size = [2, 3]", "sweep.size = 2", "models[0].sweep.size: got 2, expected a list of values"),
        (
            "sweep.size = [2, 3]",
            "sweep.size.a = [2]",
            "models[0].sweep.size: got {'a': [2]}, expected a list of values",
        ),
        ("sweep.size = [2, 3]", "sweep.training = 5", "models[0].sweep.training: got 5, expected a table of lists"),
        ("sweep.size = [2, 3]", "sweep.training.stps = [2]", "models[0].training.stps: unknown key"),
        (
            "sweep.size = [2, 3]",
            "sweep.training.steps = [2]\ntraining.steps = 3",
            "models[0].sweep.training.steps: the key also stands in models[0]; keep one",
        ),
        ("sweep.size = [2, 3]", "sweep.size = [2]\nconfig.size = 3", "the key also stands in models[0].config"),
        ("training.steps = 0", "training.step = 0", "models[1].training.step: unknown key; did you mean 'steps'?"),
        ('"spread", {', '"sprad", {', "evaluation.metrics[0]: there is no metric 'sprad'; did you mean 'spread'?"),
        ('{name = "error"}', '{name = "error", k = 1}', "evaluation.metrics[1].k: unknown key"),
        ('["alike"]', '["alik"]', "evaluation.selectors[0]: there is no selector 'alik'; did you mean 'alike'?"),
        ("[dataset]", "[dataset", "not a TOML file"),
        ("[dataset]", "[datasets]", "dataset: this key is required"),
    ],
)
def test_a_mistake_is_found_before_anything_trains(suite_file, registry, old, new, message):
    assert old in SUITE
    with pytest.raises(UserError) as caught:
        load_suite(suite_file(SUITE.replace(old, new, 1)), registry)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.steps", "expected path.to.key=value"),
        ("models.nobody.config.size=1", "there is no 'models.nobody' in the suite"),
        ("title.key.more=1", "'title.key'"),
        ("models[7].config.size=1", "there is no 'models.7' in the suite"),
        ("trainin.steps=3", "trainin: unknown key; did you mean 'training'?"),
        ("training.steps=ten", "training.steps: got 'ten'"),
    ],
)
def test_a_wrong_override_says_so(suite_file, registry, override, message):
    with pytest.raises(UserError) as caught:
        load_suite(suite_file(SUITE), registry, [override])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("steps=3", "steps: unknown key; did you mean 'training.steps'?"),
        ("metrics=[]", "metrics: unknown key; did you mean 'evaluation.metrics'?"),
        ("brightness=1.0", "brightness: unknown key; did you mean 'dataset.brightness'?"),
        ("seed=3", "seed: unknown key; did you mean 'seeds'?"),
        ("size=3", "size: unknown key; did you mean 'models[0].config.size' or 'models[1].config.size'?"),
        ("training.size=3", "did you mean 'models[0].config.size' or 'models[1].config.size'?"),
        ("models[1].size=3", "models[1].size: unknown key; did you mean 'models[1].config.size'?"),
        ("models[1].steps=3", "models[1].steps: unknown key; did you mean 'models[1].training.steps'?"),
        ("models[1].config.steps=3", "did you mean 'models[1].training.steps'?"),
        ("models[0].sweep.steps=[3]", "did you mean 'models[0].sweep.training.steps'?"),
        ("models[0].sweep.training.size=[3]", "did you mean 'models[0].sweep.size'?"),
        ("models[1].config.size=[2, 3]", "several values go into 'models[1].sweep.size'"),
        ("models[1].training.steps=[2, 3]", "several values go into 'models[1].sweep.training.steps'"),
        ("training.steps=[2, 3]", "several values go into 'sweep.training.steps' of a model"),
        ("evaluation.metrics=spread", "evaluation.metrics: got 'spread', expected a list; write [\"spread\"]"),
        ("models={name='linear'}", "models: got {'name': 'linear'}, expected a list; write [[models]]"),
        ("seeds=ten", "seeds: got 'ten', expected a valid integer or a list"),
    ],
)
def test_what_stands_in_the_wrong_place_is_told_the_right_one(suite_file, registry, override, hint):
    with pytest.raises(UserError) as caught:
        load_suite(suite_file(SUITE), registry, [override])
    assert hint in str(caught.value)


@pytest.mark.parametrize("override", ["models[0].sweep.size=[[2]]", "training.epochs=3"])
def test_no_place_is_made_up(suite_file, registry, override):
    with pytest.raises(UserError) as caught:
        load_suite(suite_file(SUITE), registry, [override])
    assert "several values" not in str(caught.value)
    assert "did you mean" not in str(caught.value)


def test_an_absent_file_names_its_neighbours(suite_file, registry):
    path = suite_file(SUITE)
    with pytest.raises(UserError, match=r"studi\.toml: No such file.*did you mean .*study\.toml"):
        load_suite(path.with_name("studi.toml"), registry)


def test_a_suite_cannot_extend_itself(suite_file, registry):
    suite_file('extends = "b.toml"', "a.toml")
    with pytest.raises(UserError, match="extends itself"):
        load_suite(suite_file('extends = "a.toml"', "b.toml"), registry)


def test_a_model_that_cannot_take_the_images_is_refused(suite_file, registry):
    text = SUITE.replace('name = "linear"\nsweep', 'name = "infogan-cr"\nsweep').replace(
        "sweep.size = [2, 3]\nsweep.noise = [0.0, 0.1]", ""
    )
    text = text.replace('name = "linear"\n', 'name = "infogan-cr"\n', 1)
    with pytest.raises(UserError, match=r"models\[0\]: .*1x8x8"):
        load_suite(suite_file(text), registry)


def test_a_suite_written_in_python_is_the_same_and_is_checked_alike(suite_file, registry):
    path = suite_file(
        """
        seeds = 2
        [dataset]
        name = "bars"
        [training]
        steps = 5
        [[models]]
        name = "linear"
        sweep.size = [2, 3]
        [evaluation]
        metrics = ["spread"]
        """
    )
    content = {
        "seeds": 2,
        "dataset": {"name": "bars"},
        "training": {"steps": 5},
        "models": [{"name": "linear", "sweep": {"size": (2, 3)}}],
        "evaluation": {"metrics": ["spread"]},
    }
    assert make_suite({**content, "models": [{"name": "linear", "sweep": {"size": [2, 3]}}]}, registry) == load_suite(
        path, registry
    )
    shorter = make_suite(content | {"models": [{"name": "linear"}]}, registry, overrides=["training.steps=3"])
    assert {trial.training.steps for trial in shorter.trials} == {3}
    assert content["training"] == {"steps": 5}
    with pytest.raises(UserError, match=r"models\[0\]\.config\.sise: unknown key; did you mean 'size'"):
        make_suite(content | {"models": [{"name": "linear", "config": {"sise": 2}}]}, registry)
    with pytest.raises(UserError, match=r"training\.steps: got nan"):
        make_suite(content | {"training": {"steps": float("nan")}}, registry)


def test_what_is_listed_twice_with_equal_settings_is_one(registry):
    twice = {"metrics": ["spread", "mig", {"name": "mig"}], "selectors": ["alike", {"name": "alike"}]}
    content = {"dataset": {"name": "bars"}, "models": [{"name": "linear"}], "evaluation": twice}
    suite = make_suite(content, registry)
    assert [choice.name for choice in suite.metrics] == ["spread", "mig"]
    assert [choice.name for choice in suite.selectors] == ["alike"]


AT = """
seeds = 2
[dataset]
name = "bars"
[training]
steps = 10
[[models]]
name = "linear"
[[models]]
name = "linear"
label = "untrained"
training.steps = 0
[evaluation]
metrics = ["spread"]
at = [20, 5, 10, 2, 5]
"""


def test_models_are_scored_on_their_way_too(suite_file, registry):
    trials = load_suite(suite_file(AT), registry).trials
    assert [(trial.label, trial.training.steps, trial.seed) for trial in trials] == [
        *(("linear", steps, seed) for steps in (2, 5, 10) for seed in (0, 1)),
        *(("untrained", 0, seed) for seed in (0, 1)),
    ]
    assert trials[0].title == "linear training.steps=2 seed=0"
    assert trials[-1].title == "untrained seed=1"
    plain = load_suite(suite_file(AT.replace("at = [20, 5, 10, 2, 5]", "")), registry).trials
    assert [trial.id for trial in plain[:2]] == [trial.id for trial in trials[4:6]]
    by_hand = load_suite(suite_file(AT.replace("at =", "#").replace("steps = 10", "steps = 5")), registry).trials
    assert [trial.id for trial in by_hand[:2]] == [trial.id for trial in trials[2:4]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("at = [20,", "at = [-1,", r"evaluation\.at\[0\]: got -1, expected greater than or equal to 0"),
        (
            'label = "untrained"',
            "sweep.training.steps = [8, 9]\nlabel = 'x'",
            r"evaluation\.at: models\[1\]\.sweep\.training\.steps",
        ),
    ],
)
def test_wrong_steps_to_be_scored_at_are_explained(suite_file, registry, old, new, message):
    text = AT.replace(old, new).replace("training.steps = 0\n", "")
    with pytest.raises(UserError, match=message):
        load_suite(suite_file(text), registry)
