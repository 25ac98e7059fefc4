"""Downloads from a server on this machine that cuts the connection, has no ranges, or sends something else."""

import http.server
import io
import socket
import tarfile
import threading
from dataclasses import replace

import pytest

from ltdd_utils.data.sources import downloads, transfer

BODY = bytes(range(256)) * 40


class Server(http.server.ThreadingHTTPServer):
    """Sends ``body``; each answer stops after as many bytes as ``cuts`` says next, after all of it if none is left."""

    ranges = True
    status = 0  # of a refusal

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.cuts, self.asked = BODY, [], []
        self.url = f"http://127.0.0.1:{self.server_port}/toy.tar.gz"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        wanted, server = self.headers["Range"], self.server
        server.asked.append(wanted)
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and server.ranges else 0
        if server.status or first >= len(server.body):
            return self.send_error(server.status or 416)
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(server.body) - first))
        self.end_headers()
        end = first + server.cuts.pop(0) if server.cuts else len(server.body)
        self.wfile.write(server.body[first:end])
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(transfer, "WAITS_S", (0.0, 0.0))
    monkeypatch.setattr(transfer, "PIECE", 1000)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_cut_download_goes_on_with_the_bytes_that_are_left(server, tmp_path):
    server.cuts, seen = [3000, 4000], []
    transfer.download(server.url, tmp_path / "toy.part", seen.append)
    assert (tmp_path / "toy.part").read_bytes() == BODY
    assert server.asked == [None, "bytes=3000-", "bytes=7000-"]
    done = [event["done"] for event in seen]
    assert done == sorted(set(done)) and done[-1] == len(BODY)
    assert {(event["stage"], event["total"]) for event in seen} == {("download toy", len(BODY))}


def test_a_line_that_stays_dead_leaves_what_has_come_for_the_next_call(server, tmp_path):
    part = tmp_path / "toy.part"
    server.cuts = [3000, 0, 0]
    with pytest.raises(OSError, match=r"cut after 3,000 of 10,240 bytes"):
        transfer.download(server.url, part)
    assert part.read_bytes() == BODY[:3000]
    transfer.download(server.url, part)
    assert part.read_bytes() == BODY and server.asked[-1] == "bytes=3000-"
    transfer.download(server.url, part)  # nothing is left to send
    assert part.read_bytes() == BODY


def test_something_that_comes_between_two_cuts_renews_the_patience(server, tmp_path):
    server.cuts = [10, 0, 10, 0, 10, 0, 10]
    transfer.download(server.url, tmp_path / "toy.part")
    assert (tmp_path / "toy.part").read_bytes() == BODY


def test_a_server_without_ranges_sends_all_of_it_again(server, tmp_path):
    server.ranges, server.cuts = False, [3000]
    transfer.download(server.url, tmp_path / "toy.part")
    assert (tmp_path / "toy.part").read_bytes() == BODY


@pytest.mark.parametrize("status", [404, 503])
def test_a_refusal_is_not_waited_for(server, tmp_path, status):
    server.status = status
    with pytest.raises(OSError, match=f"HTTP (Error )?{status}"):
        transfer.download(server.url, tmp_path / "toy.part")
    assert len(server.asked) == 1 and not list(tmp_path.iterdir())


def test_where_nobody_listens_the_first_try_is_the_last(server, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "WAITS_S", (600.0,))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        transfer.download(f"http://127.0.0.1:{port}/toy.tar.gz", tmp_path / "toy.part")


@pytest.fixture
def fetch(server, tmp_path, monkeypatch):
    """Fetch a data set of one file from the server; the data root, and what fetches into it."""
    packed, member = io.BytesIO(), tarfile.TarInfo("toy/batch")
    member.size = len(BODY)
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(member, io.BytesIO(BODY))
    server.body = packed.getvalue()
    path = tmp_path / "body"
    path.write_bytes(server.body)
    origin = downloads.Source(server.url, downloads.md5_of(path), "toy", {}, len(server.body))
    path.write_bytes(BODY)
    origin = replace(origin, files={"batch": downloads.md5_of(path)})
    monkeypatch.setattr(downloads, "source", lambda name: origin)
    root = tmp_path / "root"
    return root, lambda **options: downloads.fetch("cifar10", root, **options)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_fetch_that_was_cut_counts_as_absent_and_goes_on(server, fetch):
    (root, again), said = fetch, []
    server.cuts = [4000, 0, 0]
    with pytest.raises(OSError, match=r"cannot download .*cut after 4,000 of .*\(it goes on where it was\)"):
        again()
    assert names(root) == ["toy.tar.gz.part"] and not downloads.status(root, ["cifar10"])[0]["present"]
    again(say=said.append)
    assert names(root) == ["toy"] and server.asked[-1] == "bytes=4000-"
    assert downloads.verify("cifar10", root) == "present, checksums right"
    by_hand = f"put toy.tar.gz into {root} by hand"
    assert said == [f"downloading {server.url} (0 MB, 0 of them here); or {by_hand} and run the command again"]
    again(say=said.append)
    assert len(said) == 1  # nothing to download


def test_an_interrupted_fetch_goes_on(server, fetch):
    root, again = fetch

    def interrupt(event):
        if event["done"] >= 5000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again(watch=interrupt)
    assert names(root) == ["toy.tar.gz.part"]
    again()
    assert names(root) == ["toy"] and server.asked == [None, "bytes=5000-"]


def test_a_part_of_something_else_is_not_kept(server, fetch):
    root, again = fetch
    root.mkdir()
    (root / "toy.tar.gz.part").write_bytes(b"<html>" * 100)
    with pytest.raises(ValueError, match=r"toy.tar.gz has MD5 .*; run `ltdd data fetch cifar10` again"):
        again()
    assert names(root) == []
    again()
    assert names(root) == ["toy"]


def test_two_processes_do_not_write_one_file(fetch):
    root, again = fetch
    inside = []

    def ask_again(event):
        with pytest.raises(OSError, match=r"another process fetches toy.tar.gz into .*: run .* again after it"):
            again()
        inside.append(event)

    again(watch=ask_again)
    assert inside and names(root) == ["toy"]
