"""The chat in a browser is for the person who started it: no other site, no other name, nobody without the link."""

import logging
from collections.abc import AsyncIterator

import pytest

pytest.importorskip("textual_serve")
aiohttp = pytest.importorskip("aiohttp")
from aiohttp.test_utils import TestServer  # noqa: E402  (behind the check that it is there)

from assistant.cli.web_server import PrivateServer  # noqa: E402


class Served:
    """A running server, and requests to it as a browser or an attacker would send them."""

    def __init__(self, server: PrivateServer, running: TestServer, session: "aiohttp.ClientSession") -> None:
        self.server, self.running, self.session = server, running, session
        self.address = f"127.0.0.1:{running.port}"

    @property
    def link(self) -> str:
        return f"http://{self.address}/{self.server.link.partition('/?')[2].join(['?', ''])}"

    async def get(self, path: str, **headers: str) -> int:
        async with self.session.get(f"http://{self.address}{path}", headers=headers) as response:
            return response.status

    async def connects(self, **headers: str) -> bool:
        try:
            async with self.session.ws_connect(f"ws://{self.address}/ws?width=80&height=24", headers=headers):
                return True
        except aiohttp.WSServerHandshakeError as error:
            assert error.status == 403
            return False


@pytest.fixture
async def served(unused_tcp_port: int) -> AsyncIterator[Served]:
    server = PrivateServer("true", "127.0.0.1", unused_tcp_port)
    running = TestServer(await server._make_app(), port=unused_tcp_port)
    async with running, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Served(server, running, session)


async def test_the_link_lets_in_and_its_token_leaves_the_address(served: Served) -> None:
    async with served.session.get(served.link) as page:
        assert page.status == 200
        assert "token" not in str(page.url)
        assert f"ws://{served.address}/ws" in await page.text()
        policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "googleapis" not in policy
    assert await served.connects(Origin=f"http://{served.address}")
    cookie = next(iter(served.session.cookie_jar))
    assert cookie["httponly"] and cookie["samesite"] == "Strict"


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", "/?token=%ff%00", "/ws", "/download/x"])
async def test_without_the_token_nothing_is_served(served: Served, path: str) -> None:
    assert await served.get(path) == 403
    assert not await served.connects()


async def test_a_page_of_another_site_gets_no_socket_though_the_browser_sends_the_cookie(served: Served) -> None:
    assert await served.get(f"/?{served.link.partition('?')[2]}") == 200
    for origin in ("http://evil.example", "https://127.0.0.1", "null", f"http://127.0.0.1:{served.running.port + 1}"):
        assert not await served.connects(Origin=origin), origin
        assert await served.get("/", Origin=origin) == 403


async def test_a_foreign_name_that_points_to_this_machine_is_refused(served: Served) -> None:
    assert await served.get(f"/?{served.link.partition('?')[2]}") == 200
    assert await served.get("/", Host=f"evil.example:{served.running.port}") == 403
    assert not await served.connects(Host="evil.example", Origin="http://evil.example")


async def test_each_start_has_another_token() -> None:
    assert PrivateServer("true", "127.0.0.1", 8000).link != PrivateServer("true", "127.0.0.1", 8000).link


async def test_neither_the_token_nor_what_is_typed_is_logged(
    served: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    served.server.initialize_logging()
    with caplog.at_level(logging.DEBUG):
        await served.get(f"/?{served.link.partition('?')[2]}")
        async with served.session.ws_connect(f"ws://{served.address}/ws") as socket:
            await socket.send_str('{"stdin": "a secret"}')  # not of the form that is expected: it fails and is logged
            await socket.receive()
    out = capfd.readouterr()
    said = caplog.text + out.out + out.err
    assert "a secret" not in said
    assert served.server.link.rpartition("=")[2] not in said
