#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up what gcov -b -c says of lib/, for .ci/leg coverage.

    coverage.py LIST DIRECTORY

A line counts as run if any of the builds ran it, and a branch if any did. The
LIST has what is known never to run: lines of

    FILE: TEXT      one line of source, as it stands there, without indentation;
                    another one like it needs another line in the list
    FILE:FUNCTION   all lines of a function

each followed by a tab and the reason.
"""

import collections
import os
import re
import sys

LINE = re.compile(r' *([^:]+): *(\d+):(.*)')
BRANCH = re.compile(r'branch +(\d+) (taken (\d+)|never executed)')
FUNCTION = re.compile(r'function (\S+) called')


class File:
    def __init__(self):
        self.text = {}          # of a line
        self.runs = {}          # of a line that has code
        self.branches = {}      # (line, number): runs
        self.function = {}      # that a line is of


def read(path, files):
    """Adds one .gcov file to what is known."""
    name = None
    at = 0
    count = 0
    function = None
    seen = 0
    for line in open(path, errors='replace'):
        match = FUNCTION.match(line)
        if match:
            function = match.group(1)
            continue
        match = BRANCH.match(line)
        if match and name:
            key = at, seen
            seen += 1
            count = int(match.group(3) or 0)
            file = files[name]
            file.branches[key] = file.branches.get(key, 0) + count
            continue
        match = LINE.match(line)
        if not match:
            continue
        runs, at, text = match.group(1), int(match.group(2)), match.group(3)
        if at == 0:
            if text.startswith('Source:'):
                where = text[len('Source:'):]
                if '/lib/' not in where or where.startswith('/usr'):
                    return
                name = 'lib/' + where.rsplit('/lib/', 1)[1]
                files.setdefault(name, File())
            continue
        seen = 0
        file = files[name]
        file.text[at] = text
        if runs == '-':
            if text.startswith('}'):
                function = None
            continue
        number = 0 if runs[0] in '#=' else int(runs.rstrip('*'))
        file.runs[at] = file.runs.get(at, 0) + number
        if function:
            file.function[at] = function
        if text.startswith('}'):
            function = None


def read_list(path):
    """The excuses, and for how many lines of source each still is."""
    excuses = collections.Counter()
    for line in open(path):
        line = line.rstrip('\n')
        if line and not line.startswith('#'):
            excuse, _, reason = line.partition('\t')
            if not reason.strip():
                sys.exit(f'{path}: no reason: {line}')
            excuses[excuse] += 1
    return excuses


def percent(part, whole):
    return 100 * part / whole if whole else 100


def main():
    excuses = read_list(sys.argv[1])
    used = set()
    files = {}
    for directory, _, names in os.walk(sys.argv[2]):
        for name in names:
            read(os.path.join(directory, name), files)
    lines = run = branches = taken = excused = failed = 0
    for name, file in sorted(files.items()):
        never = []
        for at, runs in sorted(file.runs.items()):
            lines += 1
            run += runs > 0
            if runs > 0:
                continue
            function = f'{name}:{file.function.get(at)}'
            text = f'{name}: {file.text[at].strip()}'
            if function in excuses:
                used.add(function)
                excused += 1
            elif excuses[text] > 0:
                used.add(text)
                excuses[text] -= 1
                excused += 1
            else:
                never.append(at)
        for at in never:
            failed += 1
            print(f'not ok - {name}:{at} never ran: '
                  f'{file.text[at].strip()}')
        of_file = file.branches.values()
        branches += len(of_file)
        taken += sum(1 for runs in of_file if runs > 0)
        if not never:
            print(f'ok - {name}: every line ran')
    for excuse in sorted(set(excuses) - used):
        if excuses[excuse] > 0:
            print(f'# no longer needed in the list: {excuse}')
    print(f'# lines: {percent(run, lines):.1f} % of {lines}, '
          f'{excused} of the others are in the list')
    print(f'# branches: {percent(taken, branches):.1f} % of {branches}')
    sys.exit(failed > 0)


main()
