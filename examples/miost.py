# SPDX-License-Identifier: MIT
"""libmiost from Python, and asyncio on top of it.

Nothing is compiled: ctypes loads the shared library and calls its functions by
name. The numbers and layouts below are those of miost(7), "Other languages".
MIOST_LIBRARY in the environment names the library; without it
ctypes.util.find_library looks where the system keeps its libraries:

    MIOST_LIBRARY=/usr/local/lib/libmiost.so.0 python3 miost.py

The first part wraps the library: errors are exceptions, spans are seconds, and
an object is freed when nothing refers to it any more. The second part is a
selector, with descriptors as ids, and all of them level-triggered. It runs
asyncio, and all that is built on asyncio:

    loop = asyncio.SelectorEventLoop(MiostSelector())
"""

import asyncio
import ctypes
import ctypes.util
import math
import os
import selectors
import socket
import time
import weakref
from collections.abc import Mapping
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_uint32, \
    c_uint64, c_ulong, c_void_p, sizeof

READABLE, PRIORITY, WRITABLE, ERROR = 0x01, 0x02, 0x04, 0x08
HUP, TIMER, READ_CLOSED, WRITE_CLOSED = 0x10, 0x20, 0x40, 0x80
MAY_READ = READABLE | ERROR | HUP | READ_CLOSED
MAY_WRITE = WRITABLE | ERROR | WRITE_CLOSED
LEVEL, EDGE, ONESHOT, EXCLUSIVE = 0x0, 0x1, 0x2, 0x4
FOREVER = -1


class Event(ctypes.Structure):
    _fields_ = [('id', c_size_t), ('readiness', c_uint32),
                ('reserved', c_uint32)]


class Addr(ctypes.Structure):
    # 128 bytes, aligned like a long.
    _fields_ = [('len', c_uint32),
                ('storage', c_ulong * (128 // sizeof(c_ulong)))]


_lib = ctypes.CDLL(os.environ.get('MIOST_LIBRARY')
                   or ctypes.util.find_library('miost') or 'libmiost.so.0')


def _check(result, function, arguments):
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


# The functions that are used here. Declare others in the same way.
for _name, _result, *_arguments in (
        ('os_queue_new', c_int, POINTER(c_void_p)),
        ('os_queue_free', None, c_void_p),
        ('os_queue_source', c_void_p, c_void_p),
        ('os_queue_fd', c_int, c_void_p),
        ('os_queue_set', c_int, c_void_p, c_int, c_size_t, c_uint32, c_uint32),
        ('timers_new', c_int, POINTER(c_void_p)),
        ('timers_free', None, c_void_p),
        ('timers_source', c_void_p, c_void_p),
        ('timers_add_timeout', c_int, c_void_p, c_size_t, c_int64,
         POINTER(c_uint64)),
        ('timers_cancel', c_int, c_void_p, c_uint64),
        ('waker_new', c_int, c_void_p, c_size_t, POINTER(c_void_p)),
        ('waker_free', None, c_void_p),
        ('waker_wake', c_int, c_void_p),
        ('poll_events', c_int, POINTER(c_void_p), c_size_t, POINTER(Event),
         c_size_t, c_int64),
        ('addr_parse', c_int, c_char_p, POINTER(Addr)),
        ('tcp_listen', c_int, POINTER(Addr)),
        ('tcp_connect', c_int, POINTER(Addr))):
    _function = getattr(_lib, 'miost_' + _name)
    _function.argtypes = _arguments
    _function.restype = _result
    if _result is c_int:
        _function.errcheck = _check


def _nanoseconds(seconds):
    """Rounds a span up; None stands for a wait without end."""
    if seconds is None:
        return FOREVER
    return math.ceil(min(max(seconds, 0), 9e9) * 1e9)


class _Object:
    """An object of the library, freed by close(), or when it is dropped."""

    def __init__(self, new, free, *arguments):
        handle = c_void_p()
        new(*arguments, handle)
        # What ctypes passes for the object. A property would not do: ctypes
        # turns a KeyboardInterrupt in its code into an ArgumentError.
        self._as_parameter_ = handle
        self._free = weakref.finalize(self, free, handle)
        self._free.atexit = False   # a thread may use it to the end

    @property
    def closed(self):
        return not self._free.alive

    def close(self):
        """After this, ctypes refuses the object with an ArgumentError."""
        self.__dict__.pop('_as_parameter_', None)
        self._free()


class OSQueue(_Object):
    def __init__(self):
        super().__init__(_lib.miost_os_queue_new, _lib.miost_os_queue_free)

    @property
    def source(self):
        return _lib.miost_os_queue_source(self)

    def fileno(self):
        return _lib.miost_os_queue_fd(self)

    def set(self, fd, id, interests, options=LEVEL):
        """Registers fd, or changes it; interests of 0 deregister it."""
        _lib.miost_os_queue_set(self, fd, id, interests, options)


class Timers(_Object):
    def __init__(self):
        super().__init__(_lib.miost_timers_new, _lib.miost_timers_free)

    @property
    def source(self):
        return _lib.miost_timers_source(self)

    def add(self, id, seconds):
        """Returns the key of the timer, for cancel()."""
        key = c_uint64()
        _lib.miost_timers_add_timeout(self, id, _nanoseconds(seconds), key)
        return key.value

    def cancel(self, key):
        _lib.miost_timers_cancel(self, key)


class Waker(_Object):
    def __init__(self, queue, id):
        super().__init__(_lib.miost_waker_new, _lib.miost_waker_free,
                         queue, id)

    def wake(self):
        """Any thread may call this."""
        _lib.miost_waker_wake(self)


def poll(sources, seconds=None):
    """Returns pairs of an id and its readiness; none if the time has passed.

    Put the OS queue first. It gives at most 256 events at once; the others
    come with the next poll.
    """
    pointers = (c_void_p * len(sources))(*[each.source for each in sources])
    events = (Event * 256)()
    span = _nanoseconds(seconds)
    deadline = time.monotonic_ns() + span
    while True:
        try:
            n = _lib.miost_poll_events(pointers, len(pointers), events,
                                       len(events), span)
            return [(event.id, event.readiness) for event in events[:n]]
        except InterruptedError:
            # Python has run its signal handlers, now that the call is over.
            # One of them raises KeyboardInterrupt, which ends the wait.
            if span != FOREVER:
                span = max(deadline - time.monotonic_ns(), 0)


def _socket(function, address):
    addr = Addr()
    _lib.miost_addr_parse(address.encode(), addr)
    sock = socket.socket(fileno=function(addr))
    sock.setblocking(False)
    return sock


def tcp_listen(address):
    """Returns a socket of Python's. Addresses: '127.0.0.1:80', '[::1]:0'."""
    return _socket(_lib.miost_tcp_listen, address)


def tcp_connect(address):
    """Once it is writable it is connected, or SO_ERROR says why it is not."""
    return _socket(_lib.miost_tcp_connect, address)


# The selector.

_INTERESTS = {
    selectors.EVENT_READ: READABLE,
    selectors.EVENT_WRITE: WRITABLE,
    selectors.EVENT_READ | selectors.EVENT_WRITE: READABLE | WRITABLE,
}


class _Map(Mapping):
    """From file objects, and from descriptors, to what is registered."""

    def __init__(self, keys):
        self._keys = keys   # by descriptor

    def fd(self, fileobj):
        """Its descriptor, or the one that it had before it was closed."""
        try:
            fd = int(fileobj if isinstance(fileobj, int)
                     else fileobj.fileno())
            if fd >= 0:
                return fd
        except (AttributeError, TypeError, ValueError):
            pass
        for key in self._keys.values():
            if key.fileobj is fileobj:
                return key.fd
        raise ValueError(f'invalid file object: {fileobj!r}')

    def __getitem__(self, fileobj):
        return self._keys[self.fd(fileobj)]

    def __iter__(self):
        return iter(self._keys)

    def __len__(self):
        return len(self._keys)


class MiostSelector(selectors.BaseSelector):
    def __init__(self):
        self._queue = OSQueue()
        self._keys = {}
        self._map = _Map(self._keys)

    def _watch(self, key):
        if key.events not in _INTERESTS:
            raise ValueError(f'invalid events: {key.events!r}')
        self._keys[key.fd] = key
        try:
            # Always, even if nothing seems to change: the descriptor may have
            # been closed, and another one may have its number now.
            self._queue.set(key.fd, key.fd, _INTERESTS[key.events])
        except BaseException:
            # A KeyboardInterrupt, too: what the queue watches has a key.
            self.unregister(key.fd)
            raise
        return key

    def register(self, fileobj, events, data=None):
        fd = self._map.fd(fileobj)
        if fd in self._keys:
            raise KeyError(f'{fileobj!r} is already registered')
        return self._watch(selectors.SelectorKey(fileobj, fd, events, data))

    def modify(self, fileobj, events, data=None):
        key = self._map[fileobj]
        return self._watch(key._replace(events=events, data=data))

    def unregister(self, fileobj):
        key = self._map[fileobj]
        try:
            self._queue.set(key.fd, key.fd, 0)
        except OSError:
            pass    # It was closed; its number may be another file's by now.
        del self._keys[key.fd]
        return key

    def select(self, timeout=None):
        ready = []
        for fd, readiness in poll([self._queue], timeout):
            key = self._keys.get(fd)
            if key is None:
                continue    # It was closed, but a duplicate is open.
            events = (selectors.EVENT_READ if readiness & MAY_READ else 0) \
                | (selectors.EVENT_WRITE if readiness & MAY_WRITE else 0)
            if events & key.events:
                ready.append((key, events & key.events))
        return ready

    def close(self):
        self._queue.close()
        self._keys.clear()

    def fileno(self):
        return self._queue.fileno()

    def get_map(self):
        return None if self._queue.closed else self._map


# The demonstration: clients and an echo server, in one loop of asyncio.

async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def ask(port, text):
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    writer.write(text.encode() + b'\n')
    print((await reader.readline()).decode().strip())
    writer.close()
    await writer.wait_closed()


async def main():
    server = await asyncio.start_server(serve, sock=tcp_listen('127.0.0.1:0'))
    port = server.sockets[0].getsockname()[1]
    await asyncio.gather(*[ask(port, f'hello {i}') for i in range(3)])
    server.close()
    await server.wait_closed()


if __name__ == '__main__':
    loop = asyncio.SelectorEventLoop(MiostSelector())
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
