"""What a run and its workers tell each other arrives as it was sent."""

import pytest

from harness.execution.protocol import Ended, Exit, Problem, Reported, decode_message, encode_message
from harness.training.events import Alert, Note, Progress

MESSAGES = [
    Reported("a1", Progress(3, 10, images_per_second=12.5, seconds_left=4.0, losses={"encoder/kl": 0.25})),
    Reported("", Progress(0, 2, stage="udr-lasso", share=0.5)),
    Reported("a1", Note("one member at a time")),
    Reported("a1", Alert("a checkpoint is damaged")),
    Problem("No space left on device", "out/result.json", 28),
    Ended(Exit.DONE),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_travels_as_one_line_and_arrives_unchanged(message):
    line = encode_message(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_message(line) == message


@pytest.mark.parametrize("line", [b"", b'{"kind": "Note", "tri', b'{"kind": "Note"}', b'{"kind": "Gossip"}', b"[1]"])
def test_what_is_no_message_is_an_error_that_the_listener_expects(line):
    with pytest.raises((KeyError, TypeError, ValueError)):
        decode_message(line)
