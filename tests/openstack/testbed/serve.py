"""One WSGI application of OpenStack on a port of loopback; runs in the testbed's environment.

usage: serve.py MODULE PORT
"""
# mypy: ignore-errors
# gunicorn is installed in the testbed's environment, not in the project's own.

import importlib
import sys

from gunicorn.app.base import BaseApplication


class Served(BaseApplication):
    """gunicorn with one process and threads: what is measured is not its start-up."""

    def __init__(self, module: str, port: int) -> None:
        self.module = module
        self.port = port
        super().__init__()

    def load_config(self) -> None:
        for key, value in {
            "bind": f"127.0.0.1:{self.port}",
            "worker_class": "gthread",
            "threads": 16,
            "workers": 1,
            "timeout": 300,
            "graceful_timeout": 2,
            "keepalive": 30,
            "accesslog": "-",
            "access_log_format": '%(t)s "%(r)s" %(s)s %(b)s %(L)ss',
            "control_socket_disable": True,
        }.items():
            self.cfg.set(key, value)

    def load(self) -> object:
        return importlib.import_module(self.module).application


if __name__ == "__main__":
    module, port = sys.argv[1], int(sys.argv[2])
    # The application parses the command line too, and must not see ours.
    sys.argv = [module]
    Served(module, port).run()
