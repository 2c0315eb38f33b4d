"""The simulated Cinder over HTTP: os-services, as release 29 has them or as 27 had.

Between the two `enable` and `disable` ceased to do anything, and `failover` lost its route.
Contract: tests/lab/cinder_contract.py, whose tests are named at each behaviour.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable

from aiohttp import web

from doctor_daemon.lab.call import Call
from doctor_daemon.lab.faults import Faults, Seam, Service
from doctor_daemon.lab.identity import Identity, Token
from doctor_daemon.lab.microversion import HEADER, Version, parse, text
from doctor_daemon.lab.schema import Refusal
from doctor_daemon.lab.volume_services import CinderOptions, VolumeServices, unrouted
from doctor_daemon.lab.volumes import Volumes

BODY_MAX = 64 * 1024
LOWEST: Version = (3, 0)


class Cinder:
    """The block storage API of the lab."""

    def __init__(
        self,
        volumes: Volumes,
        identity: Identity,
        root: str,
        auth_url: str,
        options: CinderOptions,
    ) -> None:
        self.root = root
        self.volumes = volumes
        self._identity = identity
        self._auth_url = auth_url
        self._options = options
        self._services = VolumeServices(volumes, options)

    def app(self, faults: Faults) -> web.Application:
        def host_of(request: web.Request) -> str:
            return request.query.get("host", "")

        def revoke(request: web.Request) -> None:
            self._identity.revoke(request.headers.get("X-Auth-Token", ""))

        seam = Seam(Service.CINDER, host_of, _error, revoke, self._options.delay_s)
        app = web.Application(middlewares=[faults.middleware(seam)], client_max_size=BODY_MAX)
        app.router.add_get("/v3", self._handler(self._versions))
        app.router.add_get("/v3/", self._handler(self._versions))
        for place in ("/v3", "/v3/{project}"):
            app.router.add_get(f"{place}/os-services", self._handler(self._services.index))
            app.router.add_put(
                f"{place}/os-services/{{word}}", self._handler(self._services.update)
            )
        app.router.add_route("*", "/{anything:.*}", self._handler(_nothing))
        return app

    # -- one request -------------------------------------------------------------------------

    def _handler(
        self, answer: Callable[[Call], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            token = self._identity.token(request.headers.get("X-Auth-Token", ""))
            if token is None:
                return self._unauthorized()
            version = LOWEST
            try:
                _check_project(request, token)
                version = self._asked(request)
                response = await answer(Call(request, version, token))
            except Refusal as refusal:
                response = _refused(refusal)
            made = f"req-{uuid.uuid4()}"
            response.headers.update(
                {
                    HEADER: f"volume {text(version)}",
                    "Vary": HEADER,
                    "x-openstack-request-id": made,
                    "x-compute-request-id": made,
                }
            )
            return response

        return handle

    def _asked(self, request: web.Request) -> Version:
        """Read the microversion. Contract: CinderContract.test_microversions."""
        for item in request.headers.get(HEADER, "").split(","):
            service, _, word = item.strip().partition(" ")
            if service.lower() != "volume":
                continue
            version = self._options.highest if word == "latest" else parse(word.strip())
            if not LOWEST <= version <= self._options.highest:
                raise Refusal(
                    406,
                    f"Version {word} is not supported by the API. Minimum is {text(LOWEST)} and "
                    f"maximum is {text(self._options.highest)}.",
                )
            return version
        return LOWEST

    async def _versions(self, _call: Call) -> web.Response:
        """Describe v3. Contract: CinderContract.test_discovery."""
        about = {
            "id": "v3.0",
            "status": "CURRENT",
            "version": text(self._options.highest),
            "min_version": text(LOWEST),
            "updated": "2024-10-23T00:00:00Z",
            "links": [{"rel": "self", "href": f"{self.root}/v3/"}],
        }
        return web.json_response({"versions": [about]})

    def _unauthorized(self) -> web.Response:
        headers = {"WWW-Authenticate": f'Keystone uri="{self._auth_url}"'}
        error = {
            "code": 401,
            "title": "Unauthorized",
            "message": "The request you have made requires authentication.",
        }
        return web.json_response({"error": error}, status=401, headers=headers)


def _check_project(request: web.Request, token: Token) -> None:
    """See that the project of the path, if there is one, is the token's.

    Contract: CinderContract.test_the_path_of_another_project_is_refused.
    """
    named = request.match_info.get("project")
    if named and (token.project is None or named != token.project.id):
        raise Refusal(400, "Malformed request url")


async def _nothing(_call: Call) -> web.Response:
    return unrouted()


def _refused(refusal: Refusal) -> web.Response:
    body = json.loads(refusal.body())
    return web.json_response(body, status=refusal.status)


def _error(status: int) -> web.Response:
    return _refused(Refusal(status, "The server has either erred."))
