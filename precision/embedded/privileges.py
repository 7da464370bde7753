"""Which user the servers run as, and handing it what it must own.

PostgreSQL refuses to run as root. An ordinary user's servers run as that user. Root's run as the owner of the
data where it has one, else as a numeric user of their own that no account of the machine has; no account is
created and no folder above ours changes its owner or mode; docs/decisions/0002-embedded-servers.md says why.
"""

import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from precision.embedded.errors import EmbeddedError
from precision.embedded.paths import Layout

# systemd's list of user ids leaves 60706 to 61183 unused; below 65536, so that containers map them too.
DEDICATED_USERS = range(60750, 60850)
# What root must be able to do, by number of the capability; containers may have taken it away.
_NEEDED = {0: "CAP_CHOWN", 1: "CAP_DAC_OVERRIDE", 5: "CAP_KILL", 6: "CAP_SETGID", 7: "CAP_SETUID"}
OTHERWISE = "run as an ordinary user, or name servers of your own in DATABASE_URL and BROKER_URL"


@dataclass(frozen=True, kw_only=True)
class Account:
    """The user that the servers run as."""

    uid: int | None
    """None: as the present user, nothing to drop and nothing to hand over."""
    gid: int = 0
    dedicated: bool = False
    """A user of the servers' own: nobody can log in as it, so it may be lent a capability."""

    @property
    def user(self) -> int:
        """The user id that the servers' files belong to."""
        return os.geteuid() if self.uid is None else self.uid

    def owns_folder(self, path: Path) -> bool:
        """Return whether the path is a folder of the account, and no link to one."""
        try:
            found = path.lstat()
        except FileNotFoundError:
            return False
        return stat.S_ISDIR(found.st_mode) and found.st_uid == self.user

    def give(self, target: Path | int) -> None:
        """Make the account the owner of a file, folder or open descriptor; never follows a symbolic link."""
        if self.uid is None:
            return
        if isinstance(target, int):
            os.chown(target, self.uid, self.gid)
        else:
            os.chown(target, self.uid, self.gid, follow_symlinks=False)

    def give_tree(self, folder: Path) -> None:
        """Make the account the owner of a folder and all that is in it."""
        if self.uid is None:
            return
        for parent, folders, files in os.walk(folder):
            for name in (*folders, *files):
                self.give(Path(parent, name))
        self.give(folder)

    def make_folder(self, path: Path) -> None:
        """Make a folder of mode 0700 that belongs to the account, or check the one that is there.

        Raises EmbeddedError when it is a link or file, or belongs to somebody else: another user of the
        machine could have put it there to listen in.
        """
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            pass
        else:
            self.give(path)
        found = path.lstat()
        wanted = self.user
        if not self.owns_folder(path):
            raise EmbeddedError(
                f"A folder of user id {wanted} is needed, but there is "
                f"{'a folder' if stat.S_ISDIR(found.st_mode) else 'no folder but something else'} "
                f"of user id {found.st_uid}.",
                where=path,
                remedy=f"run as that user, or move it away, or give it over: chown -R {wanted} {path}",
            )
        if stat.S_IMODE(found.st_mode) != 0o700:
            path.chmod(0o700)

    def write(self, path: Path, text: str) -> None:
        """Replace a file by one with this text that only the account can read."""
        fresh = path.with_name(path.name + ".new")
        fresh.unlink(missing_ok=True)
        # Exclusive: a link that somebody put there is refused, not followed.
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            self.give(descriptor)
            file.write(text)
        fresh.replace(path)


def account_for(layout: Layout) -> Account:
    """Return the user that the servers of this layout run as.

    Raises EmbeddedError when the data belong to somebody whom the present user cannot act for.
    """
    owner = _owner(layout)
    me = os.geteuid()
    if me != 0:
        if owner not in {None, me}:
            raise EmbeddedError(
                f"The data belong to user id {owner}, and you are user id {me}"
                + (": they were made when the command ran as root." if owner in DEDICATED_USERS else "."),
                where=layout.postgres,
                remedy="run as that user or as root, or name another folder in PRECISION_VAR, "
                f"or stop the servers and give all of it over: sudo chown -R {me} {layout.var}",
            )
        return Account(uid=None)
    _check_root()
    if owner is None:
        uid = _free_user()
        return Account(uid=uid, gid=uid, dedicated=True)
    try:
        return Account(uid=owner, gid=pwd.getpwuid(owner).pw_gid)
    except KeyError:
        return Account(uid=owner, gid=owner, dedicated=owner in DEDICATED_USERS)


def initdb_account(account: Account) -> Account:
    """Return the user that makes the data folder, which is then given to `account`.

    `initdb` (and only it) insists that its user has an entry in the password file; the servers' own user has
    none, so `nobody` lends itself for that second.
    """
    if account.uid is None:
        return account
    try:
        pwd.getpwuid(account.uid)
    except KeyError:
        pass
    else:
        return account
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise EmbeddedError(
            "As root, initdb needs an unprivileged user of the password file, and there is no 'nobody'.",
            where="/etc/passwd",
            remedy=OTHERWISE,
        ) from error
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, dedicated=account.dedicated)


def user_names(account: Account) -> list[str] | None:
    """Return the names of the system's users that may connect; None when the present one has no name."""
    names = []
    for uid in {os.geteuid(), 0, account.user}:
        try:
            names.append(pwd.getpwuid(uid).pw_name)
        except KeyError:
            if uid == os.geteuid():
                return None
    return sorted(names)


def _owner(layout: Layout) -> int | None:
    """Return the user id that owns the data, None when there are none yet or they are root's."""
    for folder in (layout.postgres, layout.valkey):
        try:
            uid = folder.lstat().st_uid
        except FileNotFoundError:
            continue
        if uid != 0 or os.geteuid() != 0:
            return uid
    return None


def _free_user() -> int:
    for uid in filter(_exists, DEDICATED_USERS):
        try:
            pwd.getpwuid(uid)
        except KeyError:
            return uid
    raise EmbeddedError(
        f"PostgreSQL refuses to run as root, and no user id from {DEDICATED_USERS.start} to "
        f"{DEDICATED_USERS.stop - 1} is free: accounts have them, or this container maps none.",
        where="/etc/passwd and /proc/self/uid_map",
        remedy=OTHERWISE,
    )


def _exists(uid: int) -> bool:
    """Return whether the kernel knows the user id here: a rootless container may map very few."""
    try:
        lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:  # not Linux
        return True
    ranges = [(int(line.split()[0]), int(line.split()[2])) for line in lines]
    return any(first <= uid < first + count for first, count in ranges)


def _check_root() -> None:
    """Raise EmbeddedError when root lacks what it takes to run the servers as somebody else."""
    if sys.platform != "linux":
        return
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    effective = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    missing = [name for number, name in _NEEDED.items() if not effective >> number & 1]
    if missing:
        raise EmbeddedError(
            f"This root user lacks {', '.join(missing)}, and PostgreSQL refuses to run as root.",
            where="/proc/self/status",
            remedy=OTHERWISE,
        )
