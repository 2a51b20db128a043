import pytest

from hub_server import TOKEN, HubServer


@pytest.fixture
def hub(monkeypatch):
    """A stand-in of the Hugging Face Hub, which uploads of this test go to."""
    from huggingface_hub import constants

    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield server
        server.shutdown()
