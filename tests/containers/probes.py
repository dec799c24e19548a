"""Probes of a container's walls, run by a module in it: each gives ``refused: why``, or what it reached."""

import ctypes
import os
import socket
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": {
        "keyctl": 250,
        "add_key": 248,
        "bpf": 321,
        "perf": 298,
        "userfaultfd": 323,
        "io_uring": 425,
        "vm_readv": 310,
        "setns": 308,
    },
    "aarch64": {
        "keyctl": 219,
        "add_key": 217,
        "bpf": 280,
        "perf": 241,
        "userfaultfd": 282,
        "io_uring": 425,
        "vm_readv": 270,
        "setns": 268,
    },
}


def call(name, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(NUMBERS[os.uname().machine][name], *arguments)
    return checked(result)


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def mount():
    return checked(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))


def unshare_user():
    return checked(libc.unshare(0x10000000))


def unshare_net():
    return checked(libc.unshare(0x40000000))


def core_pattern():
    return Path("/proc/sys/kernel/core_pattern").write_text("|/tmp/x")


def kcore():
    return len(Path("/proc/kcore").open("rb").read(64)) or refuse("empty")


def disk_device():
    return os.mknod("/tmp/disk", 0o60600, os.makedev(254, 0))


def mknod():
    return os.mknod("/tmp/mem", 0o20600, os.makedev(1, 1))


def raw_socket():
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def setuid():
    return os.setuid(0)


def keyctl():
    return call("add_key", b"user", b"x", b"y", 1, -3)


def bpf():
    return call("bpf", 0, ctypes.create_string_buffer(128), 128)


def perf():
    return call("perf", ctypes.create_string_buffer(128), 0, -1, -1, 0)


def userfaultfd():
    return call("userfaultfd", 0)


def metadata_address():
    return socket.create_connection(("169.254.169.254", 80), 1)


def name_lookup():
    return socket.getaddrinfo("example.com", 80)


def route():
    return socket.create_connection(("1.1.1.1", 443), 1)


def write_root():
    return Path("/usr/local/x").write_text("x")


def write_package():
    import floe_jupyter

    return Path(floe_jupyter.__file__).write_text("")


def io_uring():
    return call("io_uring", 8, ctypes.create_string_buffer(120))


def ptrace():
    return checked(libc.ptrace(16, os.getppid(), 0, 0))


def process_vm_readv():
    return call("vm_readv", os.getppid(), None, 0, None, 0, 0)


def chroot():
    return os.chroot("/tmp")


def setns():
    with open("/proc/self/ns/net") as file:
        return call("setns", file.fileno(), 0)


def socket_symlink():
    return os.symlink("/etc/passwd", "/floe/link")


def socket_replace():
    return os.unlink("/floe/r")


def socket_create():
    listener = socket.socket(socket.AF_UNIX)
    return listener.bind("/floe/mine")


def engine_socket():
    found = [path for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock") if os.path.exists(path)]
    return found or refuse("none is there")


def refuse(why):
    raise OSError(1, why)


ALL = [
    mount,
    unshare_user,
    unshare_net,
    core_pattern,
    kcore,
    disk_device,
    mknod,
    raw_socket,
    setuid,
    keyctl,
    bpf,
    perf,
    userfaultfd,
    metadata_address,
    name_lookup,
    route,
    write_root,
    write_package,
    io_uring,
    ptrace,
    process_vm_readv,
    chroot,
    setns,
    socket_symlink,
    socket_replace,
    socket_create,
    engine_socket,
]


def probe(_):
    outcomes = {}
    for each in ALL:
        try:
            outcomes[each.__name__] = f"reached: {each()!r}"
        except OSError as error:
            outcomes[each.__name__] = f"refused: {error}"
    return outcomes
