import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import UserError
from harness.data.held_out import split_held_out


@given(st.integers(1, 200), st.data())
def test_every_image_is_on_one_side_in_order(images, data):
    held_out = data.draw(st.integers(0, images - 1))
    trained_on, kept = split_held_out(images, held_out)
    assert len(kept) == held_out
    assert np.array_equal(np.sort(np.concatenate([trained_on, kept])), np.arange(images))
    assert all(np.array_equal(side, np.sort(side)) for side in (trained_on, kept))


@given(st.integers(3, 200), st.data())
def test_a_larger_number_holds_out_the_same_images_and_more(images, data):
    fewer = data.draw(st.integers(1, images - 2))
    more = data.draw(st.integers(fewer, images - 1))
    assert set(split_held_out(images, fewer)[1]) <= set(split_held_out(images, more)[1])


def test_the_choice_is_neither_the_first_nor_the_last_images():
    kept = split_held_out(1000, 100)[1]
    assert 400 < kept.mean() < 600
    assert len(np.unique(np.diff(kept))) > 5


@pytest.mark.parametrize("held_out", [10, 11])
def test_something_must_be_left(held_out):
    with pytest.raises(UserError, match=rf"training\.held_out: {held_out} leaves none of the dataset's 10 images"):
        split_held_out(10, held_out)
