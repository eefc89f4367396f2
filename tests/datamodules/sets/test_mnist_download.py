"""MNIST fetched: verified, renamed, not repeated, and with a way out where there is no network."""

import hashlib
import threading
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest

from datamodules import MNISTDataModule
from datamodules.readers.download import download
from tests.datamodules.sets.test_mnist import IMAGES, LABELS, check, write_idx


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serves tmp_path/served; ``server.hits`` counts requests."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "served").mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=tmp_path / "served")

        def do_GET(self):
            server.hits += 1
            super().do_GET()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.hits = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_download_is_verified_renamed_and_not_repeated(tmp_path, server):
    content = b"some bytes"
    (tmp_path / "served" / "file.gz").write_bytes(content)
    right, url = f"sha256:{hashlib.sha256(content).hexdigest()}", f"http://127.0.0.1:{server.server_port}"
    target = tmp_path / "new" / "file.gz"
    with pytest.raises(ValueError, match="has md5 .*; expected 00"):
        download((f"{url}/file.gz",), target, "md5:00")
    assert list(target.parent.iterdir()) == []  # neither the file nor a temporary one
    download((f"{url}/absent", f"{url}/file.gz"), target, right)  # the second mirror has it
    assert target.read_bytes() == content and [p.name for p in target.parent.iterdir()] == ["file.gz"]
    before = server.hits
    download((f"{url}/file.gz",), target, right)
    assert server.hits == before
    target.write_bytes(content[:4])
    with pytest.raises(ValueError, match=r"\(4 bytes\).*truncated or another file: delete it"):
        download((f"{url}/file.gz",), target, right)


def test_a_download_without_network_tells_where_to_put_the_file(tmp_path):
    with pytest.raises(
        ConnectionError, match=r"could not be downloaded \(http://127.0.0.1:9/x.*put the file at .*x.gz"
    ):
        download(("http://127.0.0.1:9/x",), tmp_path / "x.gz", "md5:00")


def test_download_true_fetches_once_and_verifies_what_is_there(tmp_path, server, monkeypatch):
    arrays = write_idx(tmp_path / "served", packed=True)
    sums = {p.name: f"md5:{hashlib.md5(p.read_bytes()).hexdigest()}" for p in (tmp_path / "served").iterdir()}
    monkeypatch.setattr(MNISTDataModule, "mirrors", (f"http://127.0.0.1:{server.server_port}/",))
    monkeypatch.setattr(MNISTDataModule, "checksums", sums)
    data = MNISTDataModule(root=str(tmp_path / "data"), download=True)
    data.prepare_data()
    check(data, arrays)
    data.prepare_data()  # the trainer asks again after the command line
    MNISTDataModule(root=str(tmp_path / "data"), download=True).prepare_data()
    assert server.hits == 4
    write_idx(tmp_path / "plain" / "MNIST" / "raw")
    monkeypatch.setattr(MNISTDataModule, "checksums", {name: "sha256:00" for name in (IMAGES, LABELS)})
    with pytest.raises(ValueError, match="another file"):
        MNISTDataModule(root=str(tmp_path / "plain"), download=True).prepare_data()
