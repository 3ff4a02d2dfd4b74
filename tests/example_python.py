# SPDX-License-Identifier: MIT
"""What example_python.sh runs: examples/miost.py, a test case at a time."""

import asyncio
import ctypes
import errno
import os
import selectors
import signal
import socket
import sys
import threading
import time
import unittest

import miost

# It is never waited for, unless something is wrong.
LIMIT = 20 * int(os.environ.get('MIOST_TEST_TIME_FACTOR', '1'))
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def soon(function, *args):
    """Calls it from another thread, when this one has begun to wait."""
    timer = threading.Timer(0.2, function, args)
    timer.start()
    return timer


def run(coroutine):
    loop = asyncio.SelectorEventLoop(miost.MiostSelector())
    try:
        return loop.run_until_complete(asyncio.wait_for(coroutine, LIMIT))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


class Library(unittest.TestCase):
    def setUp(self):
        self.queue = miost.OSQueue()
        self.addCleanup(self.queue.close)

    def test_timers(self):
        timers = miost.Timers()
        sources = [self.queue, timers]
        begin = time.monotonic()
        timers.add(2, 0.1)
        gone = timers.add(3, 0.05)
        timers.add(1, 0.02)
        timers.cancel(gone)
        with self.assertRaises(FileNotFoundError):  # ENOENT
            timers.cancel(gone)
        self.assertEqual(miost.poll(sources), [(1, miost.TIMER)])
        self.assertGreaterEqual(time.monotonic() - begin, 0.02)
        self.assertEqual(miost.poll(sources), [(2, miost.TIMER)])
        self.assertGreaterEqual(time.monotonic() - begin, 0.1)
        self.assertEqual(miost.poll(sources, 0), [])
        timers.add(4, float('inf'))
        self.assertEqual(miost.poll(sources, 0.01), [])

    def test_waker(self):
        waker = miost.Waker(self.queue, 7)
        for _ in range(3):
            thread = soon(waker.wake)
            self.assertEqual(miost.poll([self.queue]), [(7, miost.READABLE)])
            thread.join()
        waker.wake()
        waker.close()
        self.assertEqual(miost.poll([self.queue], 0.01), [])

    def test_sockets(self):
        listener = miost.tcp_listen('127.0.0.1:0')
        with self.assertRaises(BlockingIOError):
            listener.accept()
        self.queue.set(listener.fileno(), 1, miost.READABLE)
        client = miost.tcp_connect('127.0.0.1:%d' % listener.getsockname()[1])
        self.assertEqual(miost.poll([self.queue], LIMIT),
                         [(1, miost.READABLE)])
        server, _ = listener.accept()
        self.queue.set(client.fileno(), 2, miost.WRITABLE, miost.EDGE)
        self.assertEqual(miost.poll([self.queue], LIMIT),
                         [(2, miost.WRITABLE)])
        self.assertEqual(miost.poll([self.queue], 0), [])
        client.sendall(b'hello')
        client.close()
        server.settimeout(LIMIT)
        self.assertEqual(server.recv(9) + server.recv(9), b'hello')
        server.close()
        listener.close()

    def test_errors(self):
        with self.assertRaises(OSError) as caught:
            miost.tcp_listen('nowhere')
        self.assertEqual(caught.exception.errno, errno.EINVAL)
        with self.assertRaises(OSError) as caught:
            self.queue.set(1 << 20, 0, miost.READABLE)
        self.assertEqual(caught.exception.errno, errno.EBADF)
        self.queue.close()
        self.queue.close()
        with self.assertRaises(ctypes.ArgumentError):
            miost.poll([self.queue], 0)


class Selector(unittest.TestCase):
    def setUp(self):
        self.selector = miost.MiostSelector()
        self.addCleanup(self.selector.close)
        self.pairs = []
        self.addCleanup(lambda: [s.close() for p in self.pairs for s in p])

    def pair(self):
        self.pairs.append(socket.socketpair())
        return self.pairs[-1]

    def ready(self, timeout=LIMIT):
        return {key.data: events
                for key, events in self.selector.select(timeout)}

    def test_interface(self):
        a, b = self.pair()
        keys = self.selector.get_map()
        self.assertEqual(len(keys), 0)
        key = self.selector.register(a, READ | WRITE, 'a')
        self.assertEqual(key, (a, a.fileno(), READ | WRITE, 'a'))
        self.assertEqual(keys[a], key)
        self.assertEqual(keys[a.fileno()], key)
        self.assertEqual(list(keys), [a.fileno()])
        with self.assertRaises(KeyError):
            self.selector.register(a.fileno(), READ)
        with self.assertRaises(ValueError):
            self.selector.register(b, 0)
        with self.assertRaises(ValueError):
            self.selector.register(-1, READ)
        with self.assertRaises(ValueError):
            self.selector.modify(a, 4)
        with self.assertRaises(KeyError):
            self.selector.modify(b, READ)
        self.assertEqual(self.ready(), {'a': WRITE})
        b.send(b'x')
        self.assertEqual(self.ready(), {'a': READ | WRITE})
        self.assertEqual(self.ready(), {'a': READ | WRITE})
        self.selector.modify(a, READ, 'again')
        self.assertEqual(self.ready(), {'again': READ})
        a.recv(1)
        self.assertEqual(self.ready(0.01), {})
        b.close()
        self.assertEqual(self.ready(), {'again': READ})
        a.close()
        self.assertEqual(self.selector.unregister(a).data, 'again')
        with self.assertRaises(KeyError):
            self.selector.unregister(b.fileno() + 1000)
        self.selector.close()
        self.assertIsNone(self.selector.get_map())
        with self.assertRaises(RuntimeError):
            self.selector.get_key(0)
        with self.assertRaises(ctypes.ArgumentError):
            self.selector.register(self.pair()[0], READ)

    def test_many(self):
        for i in range(100):
            self.selector.register(self.pair()[0], WRITE, i)
        self.assertEqual(set(self.ready()), set(range(100)))

    def test_number_reused(self):
        """Closed, and the number is another's: it is watched."""
        a, b = self.pair()
        c, d = self.pair()
        number = a.fileno()
        self.selector.register(number, READ, 'old')
        os.dup2(c.fileno(), number)     # closes what it was
        d.send(b'x')
        self.assertEqual(self.ready(0.01), {})
        self.selector.modify(number, READ, 'new')
        self.assertEqual(self.ready(), {'new': READ})

    def test_closed_without_a_word(self):
        """Unregistered after it was closed, while a duplicate is open."""
        a, b = self.pair()
        number = a.fileno()
        self.selector.register(a, READ, 'old')
        duplicate = os.dup(number)
        a.close()
        self.selector.unregister(a)
        b.send(b'x')
        self.assertEqual(self.ready(0.01), {})
        # The kernel has it still: the same number, and the same socket.
        os.dup2(duplicate, number)
        self.selector.register(number, READ, 'new')
        self.assertEqual(self.ready(), {'new': READ})
        self.selector.unregister(number)
        # Not merely ignored: a wait would end at once, again and again.
        begin = time.monotonic()
        self.assertEqual(self.ready(0.05), {})
        self.assertGreaterEqual(time.monotonic() - begin, 0.05)
        os.close(number)
        os.close(duplicate)


class Signals(unittest.TestCase):
    def setUp(self):
        # A shell has them ignored in what it runs in the background.
        self.old = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, self.old)

    def interrupt(self):
        main = threading.main_thread().ident
        return soon(signal.pthread_kill, main, signal.SIGINT)

    def test_select(self):
        with miost.MiostSelector() as selector:
            begin = time.monotonic()
            thread = self.interrupt()
            with self.assertRaises(KeyboardInterrupt):
                selector.select(10 * LIMIT)
            self.assertLess(time.monotonic() - begin, LIMIT)
            thread.join()

    def interrupted(self, function, *args):
        """Yields after it was interrupted at its first call, its second..."""
        def profile(frame, event, argument):
            nonlocal left
            if event == 'call':
                left -= 1
                if left == 0:
                    raise KeyboardInterrupt
        calls = 0
        while True:
            left = calls = calls + 1
            sys.setprofile(profile)
            try:
                function(*args)
                break
            except KeyboardInterrupt:
                pass
            finally:
                sys.setprofile(None)
            yield
        self.assertGreater(calls, 3)

    def test_anywhere(self):
        """It can come wherever Python code runs: it stays what it is."""
        a, b = socket.socketpair()
        with a, b, miost.MiostSelector() as selector:
            for _ in self.interrupted(selector.select, 0):
                pass
            # A wait without a key to show for it would end again and again.
            for _ in self.interrupted(selector.register, a, WRITE):
                self.assertEqual(miost.poll([selector._queue], 0), [])
            for _ in self.interrupted(selector.modify, a, READ | WRITE):
                if a not in selector.get_map():
                    self.assertEqual(miost.poll([selector._queue], 0), [])
                    selector.register(a, WRITE)
            for _ in self.interrupted(selector.unregister, a):
                self.assertIn(a, selector.get_map())
            self.assertEqual(miost.poll([selector._queue], 0), [])

    def test_asyncio(self):
        begin = time.monotonic()
        thread = self.interrupt()
        loop = asyncio.SelectorEventLoop(miost.MiostSelector())
        task = loop.create_task(asyncio.sleep(10 * LIMIT))
        with self.assertRaises(KeyboardInterrupt):
            loop.run_until_complete(task)
        self.assertLess(time.monotonic() - begin, LIMIT)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()
        thread.join()

    def test_handler(self):
        """One that raises nothing: the rest of the time is waited for."""
        caught = []
        signal.signal(signal.SIGINT, lambda *args: caught.append(args))
        with miost.MiostSelector() as selector:
            begin = time.monotonic()
            thread = self.interrupt()
            self.assertEqual(selector.select(0.5), [])
            self.assertGreaterEqual(time.monotonic() - begin, 0.5)
            thread.join()
        self.assertEqual(len(caught), 1)

    def test_loop_handler(self):
        async def main():
            loop = asyncio.get_running_loop()
            caught = loop.create_future()
            loop.add_signal_handler(signal.SIGINT, caught.set_result, True)
            thread = self.interrupt()
            self.assertTrue(await caught)
            loop.remove_signal_handler(signal.SIGINT)
            thread.join()
        run(main())


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


class Asyncio(unittest.TestCase):
    def test_streams(self):
        async def client(port, n, size):
            reader, writer = await asyncio.open_connection('127.0.0.1', port)
            for i in range(n):
                line = bytes([32 + i]) * size
                writer.write(line)
                self.assertEqual(await reader.readexactly(size), line)
            writer.write_eof()
            self.assertEqual(await reader.read(), b'')
            writer.close()
            await writer.wait_closed()

        async def main():
            server = await asyncio.start_server(echo, '127.0.0.1', 0)
            port = server.sockets[0].getsockname()[1]
            await asyncio.gather(client(port, 1, 4 << 20), *[
                client(port, 10, 1000 + i) for i in range(100)])
            server.close()
            await server.wait_closed()
        run(main())

    def test_refused(self):
        async def main():
            with socket.socket() as closed:
                closed.bind(('127.0.0.1', 0))
                with self.assertRaises(ConnectionRefusedError):
                    await asyncio.open_connection(*closed.getsockname())
        run(main())

    def test_subprocesses(self):
        async def child(i):
            process = await asyncio.create_subprocess_exec(
                'sh', '-c', f'cat; exit {i}', stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE)
            data = b'x' * (1 << 18)
            self.assertEqual((await process.communicate(data))[0], data)
            self.assertEqual(process.returncode, i)

        async def main():
            await asyncio.gather(*[child(i) for i in range(5)])
        run(main())

    def test_threads(self):
        async def main():
            loop = asyncio.get_running_loop()
            for _ in range(3):
                woken = loop.create_future()
                thread = soon(loop.call_soon_threadsafe, woken.set_result, 1)
                self.assertEqual(await woken, 1)
                thread.join()
            numbers = await asyncio.gather(*[
                loop.run_in_executor(None, pow, i, 2) for i in range(50)])
            self.assertEqual(numbers, [i * i for i in range(50)])
        run(main())

    def test_timers(self):
        async def main():
            order = []

            async def after(seconds):
                begin = time.monotonic()
                await asyncio.sleep(seconds)
                self.assertGreaterEqual(time.monotonic() - begin, seconds)
                order.append(seconds)
            await asyncio.gather(*[after(s) for s in (0.2, 0.05, 0.1)])
            self.assertEqual(order, [0.05, 0.1, 0.2])
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.sleep(10 * LIMIT), 0.01)
        run(main())

    def test_number_reused(self):
        """A reader's socket is closed, and not a word to the loop."""
        async def main():
            loop = asyncio.get_running_loop()
            a, b = socket.socketpair()
            number = a.fileno()
            loop.add_reader(number, self.fail)
            a.close()
            c, d = socket.socketpair()
            if number not in (c.fileno(), d.fileno()):
                os.dup2(c.fileno(), number)
                c.close()
                c = socket.socket(fileno=number)
            other = d if c.fileno() == number else c
            readable = loop.create_future()
            loop.add_reader(number, readable.set_result, True)
            other.send(b'x')
            self.assertTrue(await readable)
            loop.remove_reader(number)
            for each in b, c, d:
                each.close()
        run(main())


if __name__ == '__main__':
    unittest.main(argv=sys.argv)
